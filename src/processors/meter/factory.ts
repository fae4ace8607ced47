import type { Factory } from "../../component/factory.ts";
import { type SpanProcessor, createSpanProcessor } from "../../component/span-processor.ts";
import { meterProcessorConfig, type MeterProcessorConfig } from "./config.ts";
import type { Consumer } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import type { Span } from "../../pdata/span.ts";
import { spendOf } from "./meter.ts";

export interface MeterDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
  /** Shown every span once its spend is known. */
  readonly watch?: (span: Span, receivedUnixMs: number) => void;
}

export const meterProcessorFactory: Factory<MeterProcessorConfig, MeterDependencies, SpanProcessor> = {
  type: "meter",
  config: meterProcessorConfig,
  create: (_config, { next, notify, watch }) =>
    createSpanProcessor({
      type: "meter",
      next,
      notify,
      process(span, batch) {
        span.facts.spend = spendOf(span);
        watch?.(span, batch.receivedUnixMs);
      },
    }),
};
