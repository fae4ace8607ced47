import { EXPANSIONS, REVERSIBILITIES } from "@tollgate/instrumentation/policy";
import { z } from "zod";

const texts = z.array(z.string());
const count = z.int().min(0);

const policyCase = z.strictObject({
  name: z.string().min(1).optional().describe("What it shows."),
  tool: z.string(),
  args: z.unknown().optional(),
  agent: z
    .strictObject({
      name: z.string().optional(),
      team: z.string().optional(),
      role: z.string().optional(),
      autonomy: z.string().optional(),
      owner: z.string().optional(),
      ancestors: texts.optional(),
    })
    .optional(),
  session: z
    .strictObject({
      id: z.string().optional(),
      label: z.string().optional(),
      labels: texts.optional(),
      spent_usd: z.number().min(0).optional(),
      calls: count.optional(),
      denied: count.optional(),
      tools: texts.optional(),
      actions: texts.optional(),
      systems: texts.optional(),
      destinations: texts.optional(),
      dry_runs: texts.optional(),
      rehearsed: z.boolean().optional(),
    })
    .optional(),
  tool_facts: z
    .strictObject({
      labels: texts.optional(),
      systems: texts.optional(),
      actions: texts.optional(),
      reversibility: z.enum(REVERSIBILITIES).optional(),
      changed: z.boolean().optional(),
    })
    .optional()
    .describe("What the tool is, beside what its `kind: tool` document says."),
  expansion: z.array(z.enum(EXPANSIONS)).optional(),
  model: z.string().optional(),
  destination: z.string().optional(),
  destinations: texts.optional(),
  environment: z.string().optional(),
  now: z.iso.datetime({ offset: true }).optional(),
  decision: z.enum(["allow", "deny", "require_approval", "forbid"]).describe("What is wanted."),
  rule: z.string().optional().describe("The rule that is to decide."),
  reason: z.string().optional().describe("A part of the reason."),
});

/** Cases beside a policy: `database.test.yaml` beside `database.yaml`. */
export const caseDocumentSchema = z.strictObject({
  kind: z.literal("policy_test").optional(),
  policy: z.string().optional().describe("The policy's file, from here; without it the file beside this one."),
  template: z.string().optional().describe("Instead: a template by its name."),
  cases: z.array(policyCase).min(1).max(10_000),
});

export type CaseDocument = z.output<typeof caseDocumentSchema>;
export type PolicyCase = z.output<typeof policyCase>;
