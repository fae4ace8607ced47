import { z } from "zod";

/** `processors.normalise` of tollgate.yaml. */
export const normaliseProcessorConfig = z.strictObject({
  messages: z
    .boolean()
    .default(false)
    .describe(
      "Also bring the messages of other dialects under `gen_ai.input.messages` and `gen_ai.output.messages`. Of use only with `redact.content: keep` or `hash`.",
    ),
});

export type NormaliseProcessorConfig = z.output<typeof normaliseProcessorConfig>;
