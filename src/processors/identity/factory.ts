import type { Factory } from "../../component/factory.ts";
import { type SpanProcessor, createSpanProcessor } from "../../component/span-processor.ts";
import { identityProcessorConfig, type IdentityProcessorConfig } from "./config.ts";
import type { Consumer } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import { ForeignNameWatch, ForeignTenantWatch, refusalOf, tenantRefusalOf } from "./foreign-name.ts";
import { type AgentRegistry, identify, standingOf } from "./identity.ts";

export interface IdentityDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
  readonly registry: AgentRegistry;
}

export const identityProcessorFactory: Factory<IdentityProcessorConfig, IdentityDependencies, SpanProcessor> = {
  type: "identity",
  config: identityProcessorConfig,
  create({ foreign_name: mode, foreign_tenant: tenantMode }, { next, notify, registry }) {
    const watch = new ForeignNameWatch(notify);
    const tenants = new ForeignTenantWatch(notify);
    return createSpanProcessor({
      type: "identity",
      next,
      notify,
      process(span, { sender }) {
        const options = { span, sender, registry };
        const standing = standingOf(options);
        const { foreign } = standing;
        if (foreign !== undefined && sender !== undefined) {
          const names = registry.namesOf(sender);
          watch.saw({ sender, names, claimed: foreign, isRefused: mode === "refuse" });
          if (mode === "refuse") return { kind: "reject", message: refusalOf(names, foreign) };
        }
        const claimed = identify(options, standing);
        if (claimed === undefined) return undefined;
        const isRefused = tenantMode === "refuse";
        tenants.saw({ sender, claimed, isRefused });
        return isRefused ? { kind: "reject", message: tenantRefusalOf(claimed) } : undefined;
      },
    });
  },
};
