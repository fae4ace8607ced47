import type { Factory } from "../../component/factory.ts";
import { type SpanProcessor, createSpanProcessor } from "../../component/span-processor.ts";
import { costProcessorConfig, type CostProcessorConfig } from "./config.ts";
import type { PriceBook } from "@tollgate/instrumentation/pricing";
import type { Consumer } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import { applyCost, countGatedCalls } from "./cost.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import { ToldCalls } from "./told-calls.ts";

export interface CostDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
  /** Asked for each batch, because governance can change the house prices. */
  readonly prices: () => PriceBook;
}

export const costProcessorFactory: Factory<CostProcessorConfig, CostDependencies, SpanProcessor> = {
  type: "cost",
  config: costProcessorConfig,
  create: (_config, { next, notify, prices }) => {
    const told = new ToldCalls();
    // Weak: the last batch of an idle processor, and the request that its spans are in, need not wait for the next.
    let current: WeakRef<SpanBatch> | undefined;
    return createSpanProcessor({
      type: "cost",
      next,
      notify,
      process(span, batch) {
        if (batch !== current?.deref()) {
          current = new WeakRef(batch);
          countGatedCalls(batch.spans, told);
        }
        applyCost(span, prices(), told);
      },
    });
  },
};
