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

/** The labels that an agent's document settles; keys it leaves out stay what the process says. */
export function registryLabels(agent: AgentDocument): Readonly<Record<string, string>> {
  const labels: Record<string, string> = { agent: agent.name };
  if (agent.owner !== undefined) labels["owner"] = agent.owner;
  if (agent.team !== undefined) labels["team"] = agent.team;
  if (agent.role !== undefined) labels["role"] = agent.role;
  return labels;
}
