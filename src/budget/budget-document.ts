/**
 * Reads `kind: budget` documents. Everything wrong with a document is said at once, each with its path; nothing is guessed:
 * amounts are read digit by digit, and an unknown key, label pattern or zone is refused when it is loaded, not when the
 * money is gone.
 */
import { compileGlob, foldCase } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { hintOf, knownKeys } from "../support/known-keys.ts";
import type { Budget, BudgetWindow } from "./budget.ts";
import type { Threshold } from "./ledger.ts";
import { checkSplit, checkThreshold, isRecord } from "./document-checks.ts";
import { durationMs } from "./duration.ts";
import { type LimitReading, parseLimit } from "./limit-text.ts";
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
const LABEL = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
const WINDOWS = ["minute", "hour", "day", "week", "month", "lifetime", "session", "workflow"] as const;
const ACTIONS = ["notify", "downgrade", "require_approval", "stop_gracefully", "pause", "stop", "kill"] as const;
const REASONING_EFFORTS = ["none", "minimal", "low", "medium", "high"] as const;
const VALUE_LENGTH_MAX = 1_024;
const EXCEPTIONS_MAX = 10_000;
/** Values of `each` that get a budget of their own where a document does not say how many. */
const EACH_MAX = 100_000;
const EACH_MAX_MAX = 1_000_000;

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
    const parsed = parseLimit(written);
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

const duration = (from: string, to: string, example: string) =>
  z.string(`expected a duration like \`${example}\``).transform((written, context) => {
    const ms = durationMs(written);
    if (ms >= durationMs(from) && ms <= durationMs(to)) return ms;
    const message = `expected a duration from ${from} to ${to}, like \`${example}\`, not \`${written}\``;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

const threshold = z.strictObject({
  at,
  do: z.enum(ACTIONS),
  fallback: z.record(model, model).optional(),
  max_output_tokens: z.int().min(1).max(10_000_000).optional(),
  reasoning_effort: z.enum(REASONING_EFFORTS).optional(),
  finalisation: limit.optional(),
  timeout: duration("1s", "1h", "10m").optional(),
});

const rolling = duration("1m", "366d", "24h");

const share = z.string("expected a share like `20%`, or `all`").transform((written, context) => {
  if (written === "all") return 100;
  const percent = at.safeParse(written).data;
  if (percent !== undefined) return percent;
  context.addIssue({ code: "custom", message: `expected a share like \`20%\`, or \`all\`, not \`${written}\`` });
  return z.NEVER;
});

/** A value of `each`, as people write it. */
const value = z.string().min(1, "a value has a text").max(VALUE_LENGTH_MAX);

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
  exceptions: z
    .record(value, limit)
    .refine((named) => Object.keys(named).length <= EXCEPTIONS_MAX, `at most ${EXCEPTIONS_MAX} exceptions`)
    .optional(),
  each_max: z.int().min(1).max(EACH_MAX_MAX).optional(),
  limit,
  window: z.enum(WINDOWS).optional(),
  rolling: rolling.optional(),
  carry_over: share.optional(),
  time_zone: z.string().refine(isTimeZone, "expected an IANA time zone like `Europe/Berlin`").default("UTC"),
  mode: z.enum(["hard", "soft", "observe"]).default("hard"),
  unknown_price: z.enum(["deny", "estimate", "allow"]).default("deny"),
  reserve: z.enum(["strict", "tokenizer"]).optional(),
  thresholds: z.array(threshold).default([]),
});

type LimitOf = Extract<LimitReading, { outcome: "success" }>;

/** Reads one document, as YAML or JSON gave it. The budget is frozen, all the way down. */
export function parseBudget(document: unknown): BudgetReading {
  const parsed = schema.safeParse(document, { error: knownKeys });
  const problems = [...(parsed.error?.issues ?? []).flatMap(toProblems), ...checkTogether(document)];
  if (!parsed.success || problems.length > 0) return { outcome: "refused", problems };
  const { name, scope, each, limit: amount, time_zone: timeZone, mode, unknown_price: unknownPrice } = parsed.data;
  const { renamed_from: renamedFrom, exceptions, carry_over: carryOverPercent, reserve } = parsed.data;
  const budget: Budget = {
    name,
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    scope: Object.freeze(scope),
    each,
    ...(exceptions === undefined ? {} : { exceptions: foldedExceptions(exceptions) }),
    ...(each === undefined ? {} : { eachMax: parsed.data.each_max ?? EACH_MAX }),
    ...(carryOverPercent === undefined ? {} : { carryOverPercent }),
    measure: amount.measure,
    limit: amount.limit,
    window: Object.freeze(windowOf(parsed.data.window, parsed.data.rolling)),
    timeZone,
    mode,
    unknownPrice,
    ...(reserve === undefined ? {} : { reserve }),
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
    problems.push(...checkThreshold(item, { path: `thresholds[${index}]`, percent, limit: document["limit"] }));
  }
  return [...problems, ...checkSplit(document)];
}

function toProblems(issue: z.core.$ZodIssue): DocumentProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: `unknown key${hintOf(issue)}` }));
  }
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [{ path: pathText(issue.path), message }];
}

function windowOf(window: (typeof WINDOWS)[number] | undefined, durationMs: number | undefined): BudgetWindow {
  if (durationMs !== undefined) return { kind: "rolling", durationMs };
  if (window === undefined || window === "lifetime") return { kind: "lifetime" };
  if (window === "session" || window === "workflow") return { kind: "run", label: window };
  return { kind: "calendar", unit: window };
}

function toThreshold(written: z.infer<typeof threshold>): Threshold {
  const { at: atPercent, do: action, fallback, max_output_tokens: maxOutputTokens, timeout: timeoutMs } = written;
  const { reasoning_effort: reasoningEffort, finalisation } = written;
  return Object.freeze({
    atPercent,
    do: action,
    ...(action === "downgrade" ? { fallback: Object.freeze(fallback ?? {}) } : {}),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
    ...(finalisation === undefined ? {} : { finalisation: finalisation.limit }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

function foldedExceptions(written: Readonly<Record<string, LimitOf>>): Readonly<Record<string, bigint>> {
  return Object.freeze(Object.fromEntries(Object.entries(written).map(([name, of]) => [foldCase(name), of.limit])));
}

function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}
