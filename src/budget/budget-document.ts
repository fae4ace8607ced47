/**
 * Reads `kind: budget` documents. Everything wrong with a document is said at once, each with its path; nothing is guessed:
 * amounts are read digit by digit, and an unknown key, label pattern or zone is refused when it is loaded, not when the
 * money is gone.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { parseUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { AMOUNT_MAX } from "./amounts.ts";
import type { Budget, BudgetWindow, Measure } from "./budget.ts";
import type { Threshold } from "./ledger.ts";
import { isTimeZone } from "./rules/calendar.ts";

export interface DocumentProblem {
  /** Where in the document: `thresholds[1].at`; "" for the document itself. */
  readonly path: string;
  readonly message: string;
}

export type BudgetReading =
  | { readonly outcome: "success"; readonly budget: Budget }
  | { readonly outcome: "refused"; readonly problems: readonly DocumentProblem[] };

const NAME_LENGTH_MAX = 128;
const SCOPE_LABELS_MAX = 32;
const ROLLING_MS_MIN = 60_000;
const ROLLING_MS_MAX = 366 * 24 * 60 * 60 * 1000;
const LABEL = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
const WINDOWS = ["minute", "hour", "day", "week", "month", "lifetime", "session", "workflow"] as const;
const ACTIONS = ["notify", "downgrade", "require_approval", "stop_gracefully", "pause", "stop", "kill"] as const;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

const LABEL_MESSAGE = "a label's name is a letter, then letters, digits, `_`, `.` or `-`";

const label = z.string().regex(LABEL, LABEL_MESSAGE);

const glob = z.string().superRefine((pattern, context) => {
  try {
    compileGlob(pattern);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
  }
});

/** YAML turns `0.50` into a number; its decimal text is read like any other. */
const limit = z
  .union([z.string(), z.number()], "expected an amount like `$25.00`, `2000000 tokens` or `500 calls`")
  .transform((written, context) => {
    const parsed = parseLimit(typeof written === "number" ? decimalText(written) : written);
    if (parsed.outcome === "success") return parsed;
    context.addIssue({ code: "custom", message: parsed.message });
    return z.NEVER;
  });

const at = z.string("expected a percentage like `80%`").transform((written, context) => {
  const percent = /^(\d{1,3}(?:\.\d{1,2})?)\s*%$/.exec(written.trim())?.[1];
  const value = Number(percent);
  if (percent !== undefined && value > 0 && value <= 100) return value;
  const message = `expected a percentage above 0% and up to 100%, like \`80%\`, not \`${written}\``;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const model = z.string().min(1, "a model has a name").max(256);

const threshold = z.strictObject({ at, do: z.enum(ACTIONS), fallback: z.record(model, model).optional() });

const rolling = z.string("expected a duration like `24h`").transform((written, context) => {
  const match = /^(\d{1,6})(m|h|d)$/.exec(written);
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? Number.NaN);
  if (ms >= ROLLING_MS_MIN && ms <= ROLLING_MS_MAX) return ms;
  context.addIssue({
    code: "custom",
    message: `expected a duration from 1m to 366d, like \`24h\`, not \`${written}\``,
  });
  return z.NEVER;
});

const schema = z.strictObject({
  kind: z.literal("budget"),
  name: z
    .string()
    .min(1, "a budget has a name")
    .max(NAME_LENGTH_MAX)
    .regex(/^[^\p{Cc}]*$/u, "a name has no control characters"),
  renamed_from: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
  scope: z
    .record(label, glob)
    .refine((scope) => Object.keys(scope).length <= SCOPE_LABELS_MAX, `a scope has at most ${SCOPE_LABELS_MAX} labels`)
    .default({}),
  each: label.optional(),
  limit,
  window: z.enum(WINDOWS).optional(),
  rolling: rolling.optional(),
  time_zone: z.string().refine(isTimeZone, "expected an IANA time zone like `Europe/Berlin`").default("UTC"),
  mode: z.enum(["hard", "soft", "observe"]).default("hard"),
  unknown_price: z.enum(["deny", "estimate", "allow"]).default("deny"),
  thresholds: z.array(threshold).default([]),
});

/** Reads one document, as YAML or JSON gave it. The budget is frozen, all the way down. */
export function parseBudget(document: unknown): BudgetReading {
  const parsed = schema.safeParse(document);
  const problems = [...(parsed.error?.issues ?? []).flatMap(toProblems), ...checkTogether(document)];
  if (!parsed.success || problems.length > 0) return { outcome: "refused", problems };
  const { name, scope, each, limit: amount, time_zone: timeZone, mode, unknown_price: unknownPrice } = parsed.data;
  const { renamed_from: renamedFrom } = parsed.data;
  const budget: Budget = {
    name,
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    scope: Object.freeze(scope),
    each,
    measure: amount.measure,
    limit: amount.limit,
    window: Object.freeze(windowOf(parsed.data.window, parsed.data.rolling)),
    timeZone,
    mode,
    unknownPrice,
    thresholds: Object.freeze(parsed.data.thresholds.map(toThreshold).sort((a, b) => a.atPercent - b.atPercent)),
  };
  return { outcome: "success", budget: Object.freeze(budget) };
}

/** Names that more than one budget has: S is kept by name, so each has its own. */
export function duplicateNames(budgets: readonly Budget[]): readonly string[] {
  const seen = new Set<string>();
  return [...new Set(budgets.map(({ name }) => name).filter((name) => seen.has(name) || !seen.add(name)))];
}

/** Throws `RangeError` for two budgets of one name. */
export function checkNames(budgets: readonly Budget[]): void {
  const [twice] = duplicateNames(budgets);
  if (twice !== undefined) throw new RangeError(`two budgets have the name \`${twice}\``);
}

/** What no single key shows. Runs on the document as written, so that one mistake doesn't hide another. */
function checkTogether(document: unknown): DocumentProblem[] {
  if (!isRecord(document)) return [];
  const problems: DocumentProblem[] = [];
  if (typeof document["limit"] === "string" && /\bruns?\s*$/.test(document["limit"])) {
    const isEndless =
      document["rolling"] === undefined && [undefined, "lifetime"].includes(document["window"] as string);
    if (!isEndless) problems.push({ path: "window", message: "runs in flight at once have no window" });
  } else if ((document["window"] === undefined) === (document["rolling"] === undefined)) {
    const message = `a budget has either \`window\` (${WINDOWS.join(", ")}) or \`rolling\` (like \`24h\`)`;
    problems.push({ path: "window", message });
  }
  if (document["renamed_from"] !== undefined && document["renamed_from"] === document["name"]) {
    problems.push({ path: "renamed_from", message: "a budget's former name is another one than its name" });
  }
  if (isRecord(document["scope"]) && Object.hasOwn(document["scope"], "__proto__")) {
    problems.push({ path: "scope.__proto__", message: LABEL_MESSAGE });
  }
  const thresholds: readonly unknown[] = Array.isArray(document["thresholds"]) ? document["thresholds"] : [];
  const seen = new Set<number>();
  for (const [index, item] of thresholds.entries()) {
    if (!isRecord(item)) continue;
    const percent = at.safeParse(item["at"]).data;
    if (percent !== undefined && seen.has(percent)) {
      problems.push({ path: `thresholds[${index}].at`, message: `${percent}% is there twice` });
    }
    if (percent !== undefined) seen.add(percent);
    const message = checkFallback(item["do"], item["fallback"]);
    if (message !== undefined) problems.push({ path: `thresholds[${index}].fallback`, message });
  }
  return problems;
}

function checkFallback(action: unknown, fallback: unknown): string | undefined {
  if (action !== "downgrade") return fallback === undefined ? undefined : "only `downgrade` has a fallback";
  if (fallback === undefined) return "`downgrade` needs a model to fall back to";
  const pairs = isRecord(fallback) ? Object.entries(fallback) : [];
  if (isRecord(fallback) && pairs.length === 0) return "`downgrade` needs a model to fall back to";
  const own = pairs.find(([from, to]) => from === to);
  return own === undefined ? undefined : `\`${own[0]}\` falls back to itself`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toProblems(issue: z.core.$ZodIssue): DocumentProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: "unknown key" }));
  }
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [{ path: pathText(issue.path), message }];
}

/** The decimal text of a number that YAML read: `0.0000001` must not come back as `1e-7`. */
function decimalText(value: number): string {
  const fixed = value.toFixed(9);
  return value < 1e-6 && Number(fixed) === value ? fixed : String(value);
}

type LimitReading =
  | { readonly outcome: "success"; readonly measure: Measure; readonly limit: bigint }
  | { readonly outcome: "refused"; readonly message: string };

const UNITS: Readonly<Record<string, Measure>> = {
  token: "tokens",
  "input token": "input_tokens",
  "output token": "output_tokens",
  "cached token": "cached_tokens",
  "reasoning token": "reasoning_tokens",
  call: "calls",
  "tool call": "tool_calls",
  "concurrent run": "concurrent_runs",
};
const COUNTED = /^\s*(\d{1,20})\s+((?:input |output |cached |reasoning )?token|(?:tool )?call|concurrent run)s?\s*$/;

function parseLimit(written: string): LimitReading {
  const counted = COUNTED.exec(written);
  const amount = counted === null ? parseUsd(written) : BigInt(counted[1] ?? "0");
  const shown = written.length > 40 ? `${written.slice(0, 40)}…` : written;
  if (amount === undefined) {
    const message = `expected an amount like \`$25.00\`, \`2000000 tokens\` or \`500 calls\`, not \`${shown}\``;
    return { outcome: "refused", message };
  }
  if (amount === 0n) return { outcome: "refused", message: "a limit is above 0" };
  if (amount > AMOUNT_MAX) return { outcome: "refused", message: `\`${shown}\` is more than fits (${AMOUNT_MAX})` };
  return { outcome: "success", measure: UNITS[counted?.[2] ?? ""] ?? "usd", limit: amount };
}

function windowOf(window: (typeof WINDOWS)[number] | undefined, durationMs: number | undefined): BudgetWindow {
  if (durationMs !== undefined) return { kind: "rolling", durationMs };
  if (window === undefined || window === "lifetime") return { kind: "lifetime" };
  if (window === "session" || window === "workflow") return { kind: "run", label: window };
  return { kind: "calendar", unit: window };
}

function toThreshold({ at: atPercent, do: action, fallback }: z.infer<typeof threshold>): Threshold {
  const base = { atPercent, do: action };
  return Object.freeze(fallback === undefined ? base : { ...base, fallback: Object.freeze(fallback) });
}

function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}
