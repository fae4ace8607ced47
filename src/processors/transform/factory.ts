import type { Consumer } from "../../component/component.ts";
import type { Factory } from "../../component/factory.ts";
import type { Notify } from "../../component/notice.ts";
import { createSpanProcessor, type SpanProcessor } from "../../component/span-processor.ts";
import { transformProcessorConfig, type TransformProcessorConfig } from "./config.ts";
import { Transform } from "./transform.ts";

export interface TransformDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
}

export const transformProcessorFactory: Factory<TransformProcessorConfig, TransformDependencies, SpanProcessor> = {
  type: "transform",
  config: transformProcessorConfig,
  create(config, { next, notify }) {
    const transform = new Transform(config, ({ expression, reason }) => {
      notify({ level: "warn", event: "expression_failed", fields: { processor: "transform", expression, reason } });
    });
    return createSpanProcessor({ type: "transform", next, notify, process: (span) => transform.apply(span) });
  },
};
