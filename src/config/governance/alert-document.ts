import { z } from "zod";
import { documentName } from "../../policy/shapes.ts";

/** `kind: alert`: its name and what it is for. Rules and contact points come with alerting. */
export const alertDocumentSchema = z.strictObject({
  kind: z.literal("alert"),
  name: documentName,
  description: z.string().max(1_000).optional(),
});

export type AlertDocument = z.output<typeof alertDocumentSchema>;
