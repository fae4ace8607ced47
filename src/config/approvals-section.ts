/** `approvals` of tollgate.yaml: how long requests live, who may not answer, whom they are sent to. */
import { z } from "zod";
import { httpUrlSchema } from "./http-url.ts";
import { globSchema } from "./expression.ts";
import { secretSchema } from "./secret.ts";

const MS_MAX = 366 * 86_400_000;
const QUORUM_MAX = 16;
const SIGNING_SECRET_LENGTH_MIN = 16;

const terms = {
  quorum: z.int().min(1).max(QUORUM_MAX),
  expire_after_ms: z.int().min(1_000).max(MS_MAX),
  use_within_ms: z.int().min(1_000).max(MS_MAX),
  separation_of_duties: z.boolean(),
};

const rule = z.strictObject({
  agents: z.array(globSchema).min(1).default(["*"]).describe("Patterns of the agents that ask."),
  tools: z.array(globSchema).min(1).default(["*"]).describe("Patterns of the tools, or of the budgets."),
  quorum: terms.quorum.optional().describe("As above, for these."),
  expire_after_ms: terms.expire_after_ms.optional().describe("As above, for these."),
  use_within_ms: terms.use_within_ms.optional().describe("As above, for these."),
  separation_of_duties: terms.separation_of_duties.optional().describe("As above, for these."),
});

const webhook = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, { error: "expected 1 to 64 lower-case letters, digits, `_` or `-`" })
    .describe("Its answers come to `/v1/approvals/webhooks/NAME`."),
  url: httpUrlSchema.optional().describe("Where requests are sent; absent: it only answers."),
  format: z.enum(["generic", "slack", "teams"]).default("generic").describe("The shape of what is sent and taken."),
  secret: secretSchema
    .refine((secret) => secret.reveal().length >= SIGNING_SECRET_LENGTH_MIN, {
      error: `expected at least ${SIGNING_SECRET_LENGTH_MIN} characters`,
    })
    .describe("Signs what is sent (HMAC-SHA-256) and verifies what comes. Slack: its signing secret."),
  on: z
    .array(z.enum(["asked", "reminder", "escalation", "answered", "alert"]))
    .min(1)
    .default(["asked", "reminder", "answered"])
    .describe("What it is told of."),
  include_arguments: z.boolean().default(false).describe("Whether the arguments of the call are sent along."),
  approvers: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe("Who may answer by it: ids there (Slack: `U…`), and the names that acts are written down under."),
});

export const approvalsSection = z
  .strictObject({
    quorum: terms.quorum.default(1).describe("How many people have to approve."),
    expire_after_ms: terms.expire_after_ms.default(3_600_000).describe("An unanswered request is over after this."),
    use_within_ms: terms.use_within_ms.default(900_000).describe("An approval that is not used within this is over."),
    separation_of_duties: terms.separation_of_duties
      .default(false)
      .describe("An agent's owner, its authors and the user it acts for may not answer for it."),
    remind_after_ms: z.int().min(1_000).max(MS_MAX).default(900_000).describe("Unanswered, it is sent once more."),
    escalate_after_ms: z
      .int()
      .min(1_000)
      .max(MS_MAX)
      .default(1_800_000)
      .describe("Still unanswered, it goes to the webhooks that have `escalation` in `on`."),
    keep_ms: z
      .int()
      .min(0)
      .max(MS_MAX)
      .default(604_800_000)
      .describe("Ended requests, with the arguments, leave the data directory after this."),
    rules: z.array(rule).default([]).describe("For some agents or tools; the first that matches counts."),
    webhooks: z
      .array(webhook)
      .default([])
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, { error: "names have to be unique" })
      .describe("Where people are asked, and may answer."),
  })
  .prefault({});
