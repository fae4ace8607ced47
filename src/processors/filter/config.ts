import { z } from "zod";
import { spanConditionSchema } from "../../config/expression.ts";

const CONDITIONS_MAX = 100;

/** `processors.filter` of tollgate.yaml. */
export const filterProcessorConfig = z.strictObject({
  drop: z
    .array(spanConditionSchema)
    .max(CONDITIONS_MAX)
    .default([])
    .describe("CEL conditions: a span that meets one is dropped, unless it costs or is an audit record."),
});

export type FilterProcessorConfig = z.output<typeof filterProcessorConfig>;
