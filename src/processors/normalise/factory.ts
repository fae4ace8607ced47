import type { Factory } from "../../component/factory.ts";
import { type SpanProcessor, createSpanProcessor } from "../../component/span-processor.ts";
import { normaliseProcessorConfig, type NormaliseProcessorConfig } from "./config.ts";
import type { Consumer } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import { normaliseMessages } from "./messages/messages.ts";
import { normalise } from "./normalise.ts";

export interface NormaliseDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
}

export const normaliseProcessorFactory: Factory<NormaliseProcessorConfig, NormaliseDependencies, SpanProcessor> = {
  type: "normalise",
  config: normaliseProcessorConfig,
  create: ({ messages }, { next, notify }) =>
    createSpanProcessor({
      type: "normalise",
      next,
      notify,
      process(span) {
        normalise(span);
        if (messages) normaliseMessages(span.attributes);
      },
    }),
};
