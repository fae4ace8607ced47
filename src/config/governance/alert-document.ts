import { parseUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { durationMs } from "../../budget/duration.ts";
import { documentName } from "../../policy/shapes.ts";
import { globSchema } from "../expression.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** What an alert looks at. */
export const ALERT_METRICS = [
  "acts",
  "denied",
  "forbidden",
  "errors",
  "cost_usd",
  "budget_used_percent",
  "approvals_pending",
] as const;

/** `kind: alert`: tells people when a figure of an agent, or of a budget, is above a threshold. */
export const alertDocumentSchema = z
  .strictObject({
    kind: z.literal("alert").describe("What this document is."),
    name: documentName.describe("The alert's name."),
    description: z.string().max(1_000).optional().describe("What it is for."),
    metric: z
      .enum(ALERT_METRICS)
      .optional()
      .describe(
        "Of each agent: `acts`, `denied`, `forbidden`, `errors`, `cost_usd` within `over`, `approvals_pending` now; `budget_used_percent` of each budget now.",
      ),
    agents: z.array(globSchema).min(1).default(["*"]).describe("Patterns of the agents; not for budgets."),
    budgets: z.array(globSchema).min(1).default(["*"]).describe("Patterns of the budgets' names, for budgets."),
    above: z
      .union([z.number().min(0), z.string()])
      .optional()
      .describe("It fires above this: a number, and dollars as text (`$5.00`) for `cost_usd`."),
    over: z
      .string()
      .default("1h")
      .refine((text) => durationMs(text) >= MINUTE_MS && durationMs(text) <= DAY_MS, {
        error: "expected `1m` to `24h`",
      })
      .describe("How far back it looks: `1m` to `24h`."),
    severity: z.enum(["low", "medium", "high", "critical"]).default("medium").describe("How bad that is."),
    open_incident: z
      .boolean()
      .default(false)
      .describe("Whether an incident is opened about the agent, which takes autonomy from it; not for budgets."),
  })
  .refine(({ metric, above }) => isThreshold(metric, above), {
    path: ["above"],
    error: "expected a number, or dollars such as `$5.00` for `cost_usd`, together with `metric`",
  })
  .refine(({ metric, open_incident: opens }) => !opens || metric !== "budget_used_percent", {
    path: ["open_incident"],
    error: "a budget is no agent: nobody would lose autonomy by it",
  });

export type AlertDocument = z.output<typeof alertDocumentSchema>;

/** Both or neither: an alert that only has a name says what is to come. */
function isThreshold(metric: string | undefined, above: unknown): boolean {
  if (metric === undefined) return above === undefined;
  return metric === "cost_usd" ? isUsd(above) : typeof above === "number";
}

function isUsd(text: unknown): boolean {
  return typeof text === "string" && parseUsd(text.replace(/^\$/, "")) !== undefined;
}
