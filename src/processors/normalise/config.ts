import { z } from "zod";

/** `processors.normalise` of tollgate.yaml. It has no settings yet. */
export const normaliseProcessorConfig = z.strictObject({});

export type NormaliseProcessorConfig = z.output<typeof normaliseProcessorConfig>;
