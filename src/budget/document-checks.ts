/** What no single key of a budget document shows. All of it looks at the document as written. */
import { foldCase } from "@tollgate/instrumentation/policy";
import type { DocumentProblem } from "./budget-document.ts";
import { parseLimit } from "./limit-text.ts";

type Written = Readonly<Record<string, unknown>>;

/** Keys of a threshold that only some actions have. */
const KEYS_OF: Readonly<Record<string, readonly string[]>> = {
  fallback: ["downgrade"],
  max_output_tokens: ["downgrade"],
  reasoning_effort: ["downgrade"],
  finalisation: ["stop_gracefully"],
  timeout: ["pause", "require_approval"],
};

export function isRecord(value: unknown): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Place {
  readonly path: string;
  /** Of the threshold; `undefined` where it can't be read. */
  readonly percent: number | undefined;
  /** Of the budget, as written. */
  readonly limit: unknown;
}

export function checkThreshold(item: Written, { path, percent, limit }: Place): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  for (const [key, actions] of Object.entries(KEYS_OF)) {
    if (item[key] === undefined || typeof item["do"] !== "string" || actions.includes(item["do"])) continue;
    const message = `only \`${actions.join("` and `")}\` has \`${key}\``;
    problems.push({
      path: `${path}.${key}`,
      message: key === "fallback" ? "only `downgrade` has a fallback" : message,
    });
  }
  if (item["do"] === "downgrade") problems.push(...checkDowngrade(item, path));
  const finalisation = amountOf(item["finalisation"]);
  const whole = amountOf(limit);
  if (finalisation !== undefined && whole !== undefined && percent !== undefined) {
    const above = whole.limit - (whole.limit * BigInt(Math.round(percent * 100))) / 10_000n;
    if (finalisation.measure !== whole.measure) {
      problems.push({ path: `${path}.finalisation`, message: "it is counted as the limit is" });
    } else if (finalisation.limit > above) {
      const message = `it is kept back between the threshold and the limit, and there is less than that`;
      problems.push({ path: `${path}.finalisation`, message });
    }
  }
  return problems;
}

function checkDowngrade(item: Written, path: string): DocumentProblem[] {
  const { fallback } = item;
  const lowers = item["max_output_tokens"] !== undefined || item["reasoning_effort"] !== undefined;
  const pairs = isRecord(fallback) ? Object.entries(fallback) : [];
  if (fallback === undefined ? !lowers : isRecord(fallback) && pairs.length === 0) {
    const message = "`downgrade` needs a model to fall back to, `max_output_tokens` or `reasoning_effort`";
    return [{ path: `${path}.fallback`, message }];
  }
  const own = pairs.find(([from, to]) => from === to);
  if (own !== undefined) return [{ path: `${path}.fallback`, message: `\`${own[0]}\` falls back to itself` }];
  const cycle = pairs.find(([from]) => isInCycle(from, new Map(pairs)));
  const message = `the fallbacks of \`${cycle?.[0]}\` lead back to it`;
  return cycle === undefined ? [] : [{ path: `${path}.fallback`, message }];
}

function isInCycle(from: string, next: ReadonlyMap<string, unknown>): boolean {
  let at: unknown = next.get(from);
  for (let steps = 0; steps < next.size && typeof at === "string"; steps++) {
    if (at === from) return true;
    at = next.get(at);
  }
  return false;
}

/** `each` and what goes with it, and what is carried over. */
export function checkSplit(document: Written): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const { each, exceptions, window } = document;
  for (const key of ["exceptions", "each_max"]) {
    if (document[key] !== undefined && each === undefined) {
      problems.push({ path: key, message: "it goes with `each`" });
    }
  }
  const measure = amountOf(document["limit"])?.measure;
  const seen = new Map<string, string>();
  for (const [name, written] of isRecord(exceptions) ? Object.entries(exceptions) : []) {
    const of = amountOf(written);
    const path = `exceptions.${name}`;
    if (of !== undefined && measure !== undefined && of.measure !== measure) {
      problems.push({ path, message: "it is counted as the limit is" });
    }
    const first = seen.get(foldCase(name));
    if (first !== undefined) problems.push({ path, message: `it is the same value as \`${first}\`` });
    seen.set(foldCase(name), name);
  }
  const isCalendar = ["minute", "hour", "day", "week", "month"].includes(String(window));
  if (document["carry_over"] !== undefined && !isCalendar) {
    problems.push({ path: "carry_over", message: "only calendar windows (minute to month) leave something over" });
  }
  if (document["time_zone"] !== undefined && !isCalendar) {
    problems.push({ path: "time_zone", message: "only calendar windows (minute to month) have a time zone" });
  }
  return problems;
}

function amountOf(written: unknown): { readonly measure: string; readonly limit: bigint } | undefined {
  if (typeof written !== "string" && typeof written !== "number") return undefined;
  const read = parseLimit(written);
  return read.outcome === "success" ? read : undefined;
}
