/**
 * `POST /v1/budgets/{name}/raises`: a person lets a budget spend more for a time. It is in the ledger's journal before it is
 * answered, ends by itself, and is an event with its author and reason; documents stay what says how much is meant.
 */
import { createHash, randomBytes } from "node:crypto";
import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { durationMs } from "../budget/duration.ts";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import { parseLimit } from "../budget/limit-text.ts";
import type { RecordChange } from "../changes/change-log.ts";
import type { Raise } from "../budget/rules/limit.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { seesScope, type Tenant } from "./tenancy.ts";

export const raiseRow = z.object({
  id: z.string(),
  budget: z.string(),
  each: z.string().optional().describe("The one value of `each` that it is for; absent: every one."),
  by: z.string().describe("In the budget's measure."),
  by_usd: z.string().nullable().describe("Decimal, 9 places; null for budgets in something else."),
  since: z.string(),
  until: z.string(),
  author: z.string(),
  reason: z.string(),
});

export type RaiseRow = z.output<typeof raiseRow>;

const raiseRequest = z.strictObject({
  by: z.string().max(64).describe("As limits are written: `$10`, `50000 tokens`."),
  for: z.string().max(16).describe("`90s` to `366d`."),
  reason: z.string().trim().min(1, "a raise needs a reason").max(1_000),
  each: z.string().min(1).max(1_024).optional(),
});

export interface RaiseRouteOptions {
  readonly ledger: Ledger;
  readonly telemetry: Telemetry;
  readonly recordChange: RecordChange;
}

export function raiseRoute({ ledger, telemetry, recordChange }: RaiseRouteOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/budgets/:name/raises",
    summary: "Let a budget spend more for a time",
    access: "operator",
    tenants: "own",
    body: raiseRequest,
    query: NOTHING,
    params: z.object({ name: z.string().min(1).max(128) }),
    reply: raiseRow,
    status: 201,
    isKeyed: true,
    example: {
      body: { by: "$10", for: "2h", reason: "month end" },
      reply: {
        id: "raise_5f0c1d2e3a4b5c6d",
        budget: "checkout-per-day",
        by: "10000000000",
        by_usd: "10.000000000",
        since: "2026-11-21T15:00:00.000Z",
        until: "2026-11-21T17:00:00.000Z",
        author: "people-token",
        reason: "month end",
      },
    },
    problems: ["not_found", "ledger_unavailable"],
    handle: async ({ body, params: { name }, person, tenant, headers }) => {
      const budget = ledger.configured().find((configured) => configured.name === name);
      if (budget === undefined || !isTheirs(ledger, { tenant, budget, each: body.each })) throw unknown(name);
      const amount = amountOf(body.by, budget.measure);
      const forMs = durationMs(body.for);
      if (Number.isNaN(forMs)) throw new ApiProblem("invalid_request", "body.for: expected a duration like `2h`");
      const { reason, each } = body;
      const id = raiseId(idempotencyKeyOf(headers["idempotency-key"]), name);
      const command = { id, budget: name, amount, forMs, author: person, reason };
      const outcome = await ledger.raise(each === undefined ? command : { ...command, each });
      if (outcome.outcome === "unknown_budget") throw unknown(name);
      const row = raiseOf(outcome.raise, budget.measure);
      if (outcome.outcome === "raised") {
        telemetry.emit("budget_raised", { ...row, by_usd: row.by_usd ?? "", each: row.each ?? "" });
        await recordChange({ author: person, action: "budget.raise", subject: `budget ${name}`, tenant, after: row });
      }
      return row;
    },
  });
}

/** A budget of the tenant alone, or the one that it has of a budget for each tenant. */
function isTheirs(
  ledger: Ledger,
  {
    tenant,
    budget: { name, scope },
    each,
  }: { tenant: Tenant; budget: Pick<BudgetState, "name" | "scope">; each: string | undefined },
): boolean {
  if (seesScope(tenant, scope)) return true;
  if (each !== tenant) return false;
  for (const state of ledger.eachBudget()) if (state.name === name && seesScope(tenant, state.scope)) return true;
  return false;
}

/** One raise as the API shows it. */
export function raiseOf(raise: Raise, measure: string): RaiseRow {
  const { id, budget, each, amount, atMs, untilMs, author, reason } = raise;
  return {
    id,
    budget,
    ...(each === undefined ? {} : { each }),
    by: amount.toString(),
    by_usd: measure === "usd" ? formatUsd(amount as NanoUsd) : null,
    since: new Date(atMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    author,
    reason,
  };
}

function amountOf(written: string, measure: string): bigint {
  const read = parseLimit(written);
  if (read.outcome === "refused") throw new ApiProblem("invalid_request", `body.by: ${read.message}`);
  if (read.measure !== measure) {
    throw new ApiProblem("invalid_request", `body.by: the budget counts ${measure.replace("_", " ")}`);
  }
  return read.limit;
}

/** The same key for the same budget is the same raise. */
function raiseId(key: string | undefined, name: string): string {
  if (key === undefined) return `raise_${randomBytes(8).toString("hex")}`;
  const digest = createHash("sha256")
    .update(JSON.stringify([name, key]))
    .digest("hex");
  return `raise_${digest.slice(0, 32)}`;
}

function unknown(name: string): ApiProblem {
  return new ApiProblem("not_found", `no budget is named \`${name}\``);
}
