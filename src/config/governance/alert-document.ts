import { z } from "zod";
import { documentName } from "../../policy/shapes.ts";

/** `kind: alert`: its name and what it is for. Rules and contact points come with alerting. */
export const alertDocumentSchema = z.strictObject({
  kind: z.literal("alert").describe("What this document is."),
  name: documentName.describe("The alert's name."),
  description: z.string().max(1_000).optional().describe("What it is for."),
});

export type AlertDocument = z.output<typeof alertDocumentSchema>;
