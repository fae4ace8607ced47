/** Reads `kind: runaway` documents: what counts as running wild, for which agents, and what is done about it. */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { parseUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";

/** What happens when a rule finds something: the acts of a budget's thresholds that need no fallback. */
const action = z.enum(["notify", "pause", "kill"]).default("notify").describe("What is done when it is found.");

const glob = z.string().superRefine((pattern, context) => {
  try {
    compileGlob(pattern);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
  }
});

const usd = z.union([z.string(), z.number()], "expected an amount like `$5.00`").transform((written, context) => {
  const amount = parseUsd(String(written));
  if (amount !== undefined && amount > 0n) return amount as bigint;
  context.addIssue({ code: "custom", message: `expected an amount above $0 like \`$5.00\`, not \`${written}\`` });
  return z.NEVER;
});

const within = z
  .string("expected a duration like `10m`")
  .regex(/^\d{1,4}[smh]$/, "expected a duration from 1s to 24h, like `10m`")
  .transform((written, context) => {
    const unit = { s: 1_000, m: 60_000, h: 3_600_000 }[written.at(-1) as "s" | "m" | "h"];
    const ms = Number(written.slice(0, -1)) * unit;
    if (ms > 0 && ms <= 86_400_000) return ms;
    context.addIssue({
      code: "custom",
      message: `expected a duration from 1s to 24h, like \`10m\`, not \`${written}\``,
    });
    return z.NEVER;
  });

const label = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/, {
  error: "a label's name is a letter, then letters, digits, `_`, `.` or `-`",
});

export const runawayDocumentSchema = z
  .strictObject({
    kind: z.literal("runaway").describe("What this document is."),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, {
        error: "expected 1 to 128 letters, digits, `.`, `_`, `/` or `-`, starting with a letter or digit",
      })
      .describe("The document's name."),
    scope: z.record(label, glob).default({}).describe("Label → glob; all must match. Empty: every agent."),
    velocity: z
      .strictObject({
        per_minute: usd.optional().describe("A ceiling of spend in one minute."),
        times_usual: z
          .number()
          .min(2)
          .max(1_000)
          .optional()
          .describe("So many times the agent's own usual minute (median of its last 30 minutes with spend)."),
        at_least: usd.default(1_000_000_000n).describe("Less than this in a minute is never unusual."),
        do: action,
      })
      .refine(({ per_minute: ceiling, times_usual: times }) => ceiling !== undefined || times !== undefined, {
        error: "needs `per_minute` or `times_usual`",
      })
      .optional(),
    loops: z
      .strictObject({
        repeats: z
          .int()
          .min(3)
          .max(1_000)
          .describe("How often the same call, or cycle of up to 8 calls, comes in a row."),
        within: within.prefault("10m").describe("All of them within so long."),
        except_tools: z.array(glob).default([]).describe("Tools that may be called again and again: polling."),
        do: action,
      })
      .optional(),
    tool_storm: z
      .strictObject({
        per_minute: z.int().min(1).max(100_000).describe("Tool calls of one agent within a minute."),
        do: action,
      })
      .optional(),
    depth: z
      .strictObject({
        max: z.int().min(1).max(16).describe("Agents that may stand between a call and who started it all."),
        do: action,
      })
      .optional(),
    unpriced: z
      .strictObject({
        per_month: z.int().min(1).describe("Calls of one agent without a price in a calendar month (UTC)."),
        do: action,
      })
      .optional()
      .describe("Bounds what no budget in dollars can count."),
    burn_rate: z
      .strictObject({
        do: z.enum(["notify"]).default("notify").describe("What is done: an event and an alert."),
      })
      .optional()
      .describe("Tells when a budget will be used up before its calendar window ends."),
  })
  .refine((document) => RULES.some((rule) => document[rule] !== undefined), {
    error: "needs one of `velocity`, `loops`, `tool_storm`, `depth`, `unpriced`, `burn_rate`",
  });

const RULES = ["velocity", "loops", "tool_storm", "depth", "unpriced", "burn_rate"] as const;

export type RunawayDocument = z.output<typeof runawayDocumentSchema>;
export type RunawayRule = (typeof RULES)[number];
export type RunawayAction = "notify" | "pause" | "kill";

/** In force where no document says otherwise: tells only, and only of what no sane agent does. */
export const DEFAULT_RUNAWAYS: RunawayDocument = runawayDocumentSchema.parse({
  kind: "runaway",
  name: "default",
  velocity: { times_usual: 20 },
  loops: { repeats: 25 },
  tool_storm: { per_minute: 600 },
  depth: { max: 12 },
  burn_rate: {},
});
