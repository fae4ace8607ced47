import { z } from "zod";
import { documentName, labelText } from "./shapes.ts";

/** `kind: agent`: the registry's word on who an agent is. What it says wins over what a process claims. */
export const agentDocumentSchema = z.strictObject({
  kind: z.literal("agent"),
  name: documentName,
  owner: labelText.optional(),
  team: labelText.optional(),
  role: labelText.optional(),
  autonomy: z.enum(["observe", "suggest", "supervised", "autonomous"]).optional(),
  blast_radius: z
    .strictObject({
      systems: z.array(labelText).optional(),
      actions: z.array(labelText).optional(),
      environments: z.array(labelText).optional(),
      max_records: z.int().min(0).optional(),
    })
    .optional(),
  rollback: z.string().min(1).optional(),
});

export type AgentDocument = z.output<typeof agentDocumentSchema>;
