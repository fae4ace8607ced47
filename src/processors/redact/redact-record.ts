import { createKeyedHash, patternDetectors, ValueRules } from "@tollgate/instrumentation/redaction";
import { ATTR_TOLLGATE_REDACTED } from "@tollgate/instrumentation/semconv";
import { attributeText } from "../../pdata/attribute-text.ts";
import type { LogRecord } from "../../pdata/log-record.ts";
import type { Attributes, AttributeValue } from "../../pdata/span.ts";
import type { RedactProcessorConfig } from "./config.ts";
import { KeyRules } from "./key-rules.ts";

/**
 * What the rules for keys and values do to a log record, by the same configuration that spans have: attributes of record,
 * resource and scope, and the body. Content is taken out before (`contentReplacement`), and not looked at here.
 */
export function createRecordRedactor(config: RedactProcessorConfig, hashKey: string): (record: LogRecord) => void {
  const { detectors, action } = config;
  const patterns = patternDetectors(config.patterns);
  const hash = createKeyedHash(config.hash_key?.reveal() ?? hashKey);
  const valueRules = new ValueRules({ detectors, patterns, action, hash });
  const errorDetectors = [...new Set([...detectors, "secrets" as const])];
  const errorRules = new ValueRules({ detectors: errorDetectors, patterns, action, hash });
  const keyRules = new KeyRules({ ...config, scans: !valueRules.isEmpty });
  /** Resources and scopes are shared by the records of a batch, and done once. */
  const shared = new WeakMap<Attributes, number>();

  function redacted(key: string, value: AttributeValue): AttributeValue | undefined {
    switch (keyRules.verdict(key)) {
      case "keep":
      case "drop_content":
      case "hash_content":
        return value;
      case "drop":
        return undefined;
      case "hash":
        return hash(attributeText(value));
      case "scan":
        return valueRules.clean(value)?.value;
      case "scan_error":
        return errorRules.clean(value)?.value;
    }
  }

  function redactAttributes(attributes: Attributes): number {
    let count = 0;
    const keys = [...attributes.keys()];
    for (const key of keys) {
      const value = attributes.get(key) ?? null;
      const next = redacted(key, value);
      if (next === value) continue;
      count += 1;
      if (next === undefined) attributes.delete(key);
      else attributes.set(key, next);
    }
    return count;
  }

  function redactShared(attributes: Attributes): number {
    const known = shared.get(attributes);
    if (known !== undefined) return known;
    const count = redactAttributes(attributes);
    shared.set(attributes, count);
    return count;
  }

  return (record) => {
    const { attributes, resource, scope } = record;
    let count = redactShared(resource.attributes) + redactShared(scope.attributes) + redactAttributes(attributes);
    const body = valueRules.isEmpty ? record.body : (valueRules.clean(record.body)?.value ?? null);
    if (body !== record.body) count += 1;
    record.body = body;
    if (count > 0) attributes.set(ATTR_TOLLGATE_REDACTED, BigInt(count));
  };
}
