import type { Consumer } from "../../component/component.ts";
import type { Factory } from "../../component/factory.ts";
import type { Notify } from "../../component/notice.ts";
import { createSpanProcessor, type SpanProcessor } from "../../component/span-processor.ts";
import { filterProcessorConfig, type FilterProcessorConfig } from "./config.ts";
import { Filter } from "./filter.ts";

export interface FilterDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
}

export const filterProcessorFactory: Factory<FilterProcessorConfig, FilterDependencies, SpanProcessor> = {
  type: "filter",
  config: filterProcessorConfig,
  create({ drop }, { next, notify }) {
    const filter = new Filter(drop, ({ condition, reason }) => {
      notify({
        level: "warn",
        event: "expression_failed",
        fields: { processor: "filter", expression: condition, reason },
      });
    });
    return createSpanProcessor({ type: "filter", next, notify, process: (span) => filter.verdict(span) });
  },
};
