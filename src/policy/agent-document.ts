import { z } from "zod";
import { documentName, labelText } from "./shapes.ts";

/** `kind: agent`: the registry's word on who an agent is. What it says wins over what a process claims. */
export const agentDocumentSchema = z.strictObject({
  kind: z.literal("agent").describe("What this document is."),
  name: documentName.describe("The agent's name: TOLLGATE_AGENT, or OTEL_SERVICE_NAME."),
  owner: labelText.optional().describe("Who answers for the agent; wins over what a process claims."),
  authors: z
    .array(labelText)
    .optional()
    .describe("Who wrote it: where duties are separate, they may not approve what it asks for."),
  team: labelText.optional().describe("Its team; wins over what a process claims."),
  role: labelText.optional().describe("Its role; wins over what a process claims."),
  autonomy: z
    .enum(["observe", "suggest", "supervised", "autonomous"])
    .optional()
    .describe("How much it may do by itself, for rules that ask."),
  blast_radius: z
    .strictObject({
      systems: z.array(labelText).optional().describe("Systems it may touch."),
      actions: z.array(labelText).optional().describe("What it may do there."),
      environments: z.array(labelText).optional().describe("Where."),
      max_records: z.int().min(0).optional().describe("Records it may change at once."),
    })
    .optional(),
  rollback: z.string().min(1).optional().describe("How to undo what it did: a path or a URL."),
});

export type AgentDocument = z.output<typeof agentDocumentSchema>;
