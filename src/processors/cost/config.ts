import { z } from "zod";

/** `processors.cost` of tollgate.yaml. It has no settings yet. */
export const costProcessorConfig = z.strictObject({});

export type CostProcessorConfig = z.output<typeof costProcessorConfig>;
