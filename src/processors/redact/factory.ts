import { createKeyedHash, type KeyedHash, patternDetectors, ValueRules } from "@tollgate/instrumentation/redaction";
import type { Consumer } from "../../component/component.ts";
import type { Factory } from "../../component/factory.ts";
import type { Notify } from "../../component/notice.ts";
import { createSpanProcessor, type SpanProcessor } from "../../component/span-processor.ts";
import { attributeText } from "../../pdata/attribute-text.ts";
import type { AttributeValue, Span } from "../../pdata/span.ts";
import { redactProcessorConfig, type RedactProcessorConfig } from "./config.ts";
import { KeyRules } from "./key-rules.ts";
import { Redactor } from "./redact.ts";

export interface RedactDependencies {
  readonly next: Consumer;
  readonly notify: Notify;
  /** The data directory's key, for a config without one. */
  readonly hashKey: string;
  /** Shown every span as it will be stored. */
  readonly onRedacted?: (span: Span) => void;
}

export const redactProcessorFactory: Factory<RedactProcessorConfig, RedactDependencies, SpanProcessor> = {
  type: "redact",
  config: redactProcessorConfig,
  create(config, { next, notify, hashKey, onRedacted }) {
    const redactor = createRedactor(config, hashKey);
    return createSpanProcessor({
      type: "redact",
      next,
      notify,
      process: (span) => {
        redactor.redact(span);
        onRedacted?.(span);
      },
    });
  },
};

/** What stays of one value of content, for signals that have no spans; `undefined`: nothing does. */
export function contentReplacement(
  config: RedactProcessorConfig,
  hashKey: string,
): (value: AttributeValue) => AttributeValue | undefined {
  const { content, detectors, patterns, action } = config;
  if (content === "drop") return () => undefined;
  const hash = hashOf(config, hashKey);
  if (content === "hash") return (value) => hash(attributeText(value));
  const rules = new ValueRules({ detectors, patterns: patternDetectors(patterns), action, hash });
  return (value) => rules.clean(value)?.value;
}

function hashOf(config: RedactProcessorConfig, hashKey: string): KeyedHash {
  return createKeyedHash(config.hash_key?.reveal() ?? hashKey);
}

function createRedactor(config: RedactProcessorConfig, hashKey: string): Redactor {
  const hash = hashOf(config, hashKey);
  const { detectors, patterns, action } = config;
  const valueRules = new ValueRules({ detectors, patterns: patternDetectors(patterns), action, hash });
  const errorRules = new ValueRules({
    detectors: [...new Set([...detectors, "secrets" as const])],
    patterns: patternDetectors(patterns),
    action,
    hash,
  });
  const keyRules = new KeyRules({ ...config, scans: !valueRules.isEmpty });
  return new Redactor({ keyRules, valueRules, errorRules, hash });
}
