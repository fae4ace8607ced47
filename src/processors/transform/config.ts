import { z } from "zod";
import { globSchema, spanConditionSchema, spanValueSchema } from "../../config/expression.ts";
import { isGovernanceKey } from "../../pdata/governance-keys.ts";

const RULES_MAX = 100;
const KEY_LENGTH_MAX = 256;

const keySchema = z
  .string()
  .min(1)
  .max(KEY_LENGTH_MAX)
  .superRefine((key, context) => {
    if (!isGovernanceKey(key)) return;
    const message = `\`${key}\` is what decisions, costs or usage stand on, and can't be set`;
    context.addIssue({ code: "custom", message });
  });

const ruleSchema = z
  .strictObject({
    when: spanConditionSchema.optional().describe("CEL condition; without it, the rule is for every span."),
    set: z
      .record(keySchema, spanValueSchema)
      .default({})
      .describe("Attribute → CEL expression of its value; `tollgate.label.<name>` sets a label."),
    delete: z
      .array(globSchema)
      .default([])
      .describe("Attributes of the span that are deleted, by globs over their keys."),
  })
  .refine((rule) => Object.keys(rule.set).length > 0 || rule.delete.length > 0, {
    error: "expected `set` or `delete`: the rule does nothing",
  });

/** `processors.transform` of tollgate.yaml. */
export const transformProcessorConfig = z.strictObject({
  rules: z
    .array(ruleSchema)
    .max(RULES_MAX)
    .default([])
    .describe("One after the other; each sees what those before have set."),
});

export type TransformProcessorConfig = z.output<typeof transformProcessorConfig>;
