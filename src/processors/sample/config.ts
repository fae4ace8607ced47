import { z } from "zod";
import { spanConditionSchema } from "../../config/expression.ts";

const RULES_MAX = 100;

const ratioSchema = z.number().min(0).max(1);

const ruleSchema = z.strictObject({
  when: spanConditionSchema.describe("CEL condition; the first rule that is met decides."),
  ratio: ratioSchema.describe("Share of the traces whose spans of this kind are kept."),
});

/** `processors.sample` of tollgate.yaml. */
export const sampleProcessorConfig = z.strictObject({
  ratio: ratioSchema.default(1).describe("Share of the traces that are kept, from 0 to 1."),
  keep_errors: z.boolean().default(true).describe("Spans with status error are kept."),
  rules: z.array(ruleSchema).max(RULES_MAX).default([]).describe("Other ratios for some spans."),
});

export type SampleProcessorConfig = z.output<typeof sampleProcessorConfig>;
