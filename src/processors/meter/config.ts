import { z } from "zod";

/** `processors.meter` of tollgate.yaml. It has no settings yet. */
export const meterProcessorConfig = z.strictObject({});

export type MeterProcessorConfig = z.output<typeof meterProcessorConfig>;
