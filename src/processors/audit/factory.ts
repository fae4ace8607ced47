import type { Consumer } from "../../component/component.ts";
import type { Factory } from "../../component/factory.ts";
import type { Notify } from "../../component/notice.ts";
import { createSpanProcessor, type SpanProcessor } from "../../component/span-processor.ts";
import type { Span } from "../../pdata/span.ts";
import { auditProcessorConfig, type AuditProcessorConfig } from "./config.ts";

/** Where links of audit chains go. */
export interface LinkIntake<Link> {
  /** Checks the link that a span carries; `undefined` when it has none. */
  read(span: Span): Link | undefined;
  /** Links of spans that are on disk. Only these count: what is refused, its sender still has. */
  stored(links: readonly Link[]): void;
}

export interface AuditDependencies<Link> {
  readonly next: Consumer;
  readonly notify: Notify;
  readonly intake: LinkIntake<Link>;
}

export const auditProcessorFactory: Factory<AuditProcessorConfig, AuditDependencies<unknown>, SpanProcessor> = {
  type: "audit",
  config: auditProcessorConfig,
  create: (_config, dependencies) => createAuditProcessor(dependencies),
};

function createAuditProcessor<Link>({ next, notify, intake }: AuditDependencies<Link>): SpanProcessor {
  // The spans of a batch are looked at and passed on without a pause between: what is found is that batch's.
  let found: Link[] = [];
  const passOn: Consumer = {
    async consume(batch) {
      const links = found;
      found = [];
      const outcome = await next.consume(batch);
      if (outcome.kind === "success" && links.length > 0) intake.stored(links);
      return outcome;
    },
  };
  return createSpanProcessor({
    type: "audit",
    next: passOn,
    notify,
    process(span) {
      const link = intake.read(span);
      if (link !== undefined) found.push(link);
    },
  });
}
