import type { Factory } from "../../component/factory.ts";
import { type SpanProcessor, createSpanProcessor } from "../../component/span-processor.ts";
import { identityProcessorConfig, type IdentityProcessorConfig } from "./config.ts";
import type { Consumer } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import { type AgentRegistry, identify } from "./identity.ts";

export interface IdentityDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
  readonly registry: AgentRegistry;
}

export const identityProcessorFactory: Factory<IdentityProcessorConfig, IdentityDependencies, SpanProcessor> = {
  type: "identity",
  config: identityProcessorConfig,
  create: (_config, { next, notify, registry }) =>
    createSpanProcessor({
      type: "identity",
      next,
      notify,
      process: (span, batch) => identify({ span, sender: batch.sender, registry }),
    }),
};
