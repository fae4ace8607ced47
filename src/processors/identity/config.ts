import { z } from "zod";

/** `processors.identity` of tollgate.yaml. */
export const identityProcessorConfig = z.strictObject({
  foreign_name: z
    .enum(["flag", "refuse"])
    .default("flag")
    .describe(
      "A span that claims an agent's name which its key is not bound to: taken, unverified and counted for the key's own agent; or refused.",
    ),
  foreign_tenant: z
    .enum(["flag", "refuse"])
    .default("flag")
    .describe(
      "A span that claims a tenant which its key is not bound to, or one that has keys without any: taken and counted for the key's own tenant, or for none; or refused.",
    ),
});

export type IdentityProcessorConfig = z.output<typeof identityProcessorConfig>;
