import type { Consumer } from "../../component/component.ts";
import type { Factory } from "../../component/factory.ts";
import type { Notify } from "../../component/notice.ts";
import { createSpanProcessor, type SpanProcessor } from "../../component/span-processor.ts";
import { sampleProcessorConfig, type SampleProcessorConfig } from "./config.ts";
import { Sampler } from "./sample.ts";

export interface SampleDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
}

export const sampleProcessorFactory: Factory<SampleProcessorConfig, SampleDependencies, SpanProcessor> = {
  type: "sample",
  config: sampleProcessorConfig,
  create(config, { next, notify }) {
    const sampler = new Sampler(config, ({ condition, reason }) => {
      notify({
        level: "warn",
        event: "expression_failed",
        fields: { processor: "sample", expression: condition, reason },
      });
    });
    return createSpanProcessor({ type: "sample", next, notify, process: (span) => sampler.verdict(span) });
  },
};
