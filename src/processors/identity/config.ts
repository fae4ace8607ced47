import { z } from "zod";

/** `processors.identity` of tollgate.yaml. It has no settings yet. */
export const identityProcessorConfig = z.strictObject({});

export type IdentityProcessorConfig = z.output<typeof identityProcessorConfig>;
