/**
 * What a decision costs, and that nothing makes it cost much. Names: the engine, `micromatch.isMatch` (as its users call it) and
 * one compiled regular expression of all patterns, in turns over the same names; the engine on a few names again and again, on what a
 * fleet calls (200 tools, the n-th a n-th as often as the first, each name a fresh text as a wire brings it), and on names it never saw. Conditions: ten rules in CEL over arguments, session and time.
 * A tool call of 4 KB: canonical copy, labels found in it, decision, digest. Fuzz: hostile patterns, names, conditions and
 * arguments, the longest of each; each input is run three times and the quickest counts, because a machine that is shared stalls (by the clock: that of a
 * thread's CPU goes by milliseconds).
 * Goals (issue "Policy"): 5 M names/s at 50 patterns, 500 k/s with ten rules, 200 µs, 10 ms. `--seed N` for the fuzz.
 */
import micromatch from "micromatch";
import {
  argumentsDigest,
  compileGlob,
  compilePolicy,
  type CompiledPolicy,
  decide,
  parsePolicy,
  type PolicyRequest,
} from "../instrumentation/src/policy/index.ts";
import { compileCondition, conditionScope } from "../instrumentation/src/policy/condition.ts";
import { canonicalArguments } from "../instrumentation/src/policy/canonical-json.ts";
import { GLOB_LENGTH_MAX, GlobError } from "../instrumentation/src/policy/glob.ts";
import { DEFAULT_LABEL_ORDER } from "../instrumentation/src/policy/label.ts";
import { findLabels } from "../instrumentation/src/session/find-labels.ts";

const ROUNDS = 9;
const NAMES_GOAL = 5_000_000;
const RULES_GOAL = 500_000;
const CALL_GOAL_US = 200;
const FUZZ_GOAL_MS = 10;
const FUZZ_INPUTS = 500;

function policyOf(document: Readonly<Record<string, unknown>>): CompiledPolicy {
  const parsed = parsePolicy({ name: "bench", default: "deny", ...document });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return compilePolicy(parsed.policy);
}

/** CPU of this thread in milliseconds: what else runs on the machine is not in it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Calls a second. */
interface Rate {
  /** Of blocks, by the clock. */
  readonly median: number;
  /** Of the quickest twentieth of the blocks. */
  readonly best: number;
  /** Of this thread's CPU; 0 where what is measured is not all it did. */
  readonly cpu: number;
}

interface Contestant {
  readonly calls: number;
  readonly run: (index: number) => unknown;
  /** Makes what so many calls take, outside of what is measured. */
  readonly prepare?: (calls: number) => void;
}

/** A block is over before the machine has anything else to do, more often than not. */
const BLOCK = 2_000;

/** In rounds, and in blocks; the contestants take turns. */
function race(contestants: Readonly<Record<string, Contestant>>): Map<string, Rate> {
  const blocks = new Map(Object.keys(contestants).map((name) => [name, { ms: [] as number[], cpuMs: 0 }]));
  let sink: unknown;
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, { calls, run, prepare }] of Object.entries(contestants)) {
      const times: number[] = [];
      const cpuAt = cpuMs();
      for (let at = 0; at < calls; at += BLOCK) {
        prepare?.(BLOCK);
        const startedAt = performance.now();
        for (let index = at; index < at + BLOCK; index += 1) sink = run(index);
        times.push(performance.now() - startedAt);
      }
      const known = blocks.get(name);
      // The first round is for warming up.
      if (round === 0 || known === undefined) continue;
      known.ms.push(...times);
      known.cpuMs += prepare === undefined ? cpuMs() - cpuAt : Number.POSITIVE_INFINITY;
    }
  }
  if (sink === race) throw new Error("the result is used, so that nothing is optimised away");
  const rateAt = (ms: readonly number[], share: number): number =>
    (BLOCK * 1_000) / (ms.toSorted((a, b) => a - b)[Math.trunc(ms.length * share)] ?? Number.NaN);
  return new Map(
    [...blocks].map(([name, { ms, cpuMs: cpu }]) => [
      name,
      { median: rateAt(ms, 0.5), best: rateAt(ms, 0.05), cpu: (ms.length * BLOCK * 1_000) / cpu },
    ]),
  );
}

const NONE: Rate = { median: 0, best: 0, cpu: 0 };

function line(what: string, { median, best, cpu }: Rate, rest = ""): void {
  const figure = (rate: number): string => (rate === 0 ? "-" : Math.round(rate).toLocaleString("en-US"));
  console.log(`${what.padEnd(30)}${[median, best, cpu].map((rate) => figure(rate).padStart(13)).join("")}   ${rest}`);
}

function head(what: string): void {
  console.log(`${what.padEnd(30)}${["p50/s", "p5/s", "CPU/s"].map((title) => title.padStart(13)).join("")}`);
}

const services = Array.from({ length: 50 }, (_, index) => `service${index}`);
const patterns = services.map((service, index) => (index % 2 === 0 ? `${service}_read_*` : `*_${service}_delete`));
const policy = policyOf({
  allow: patterns.filter((_, index) => index % 2 === 0),
  deny: patterns.filter((_, index) => index % 2 === 1),
});
const names = services.flatMap((service) => [
  `${service}_read_orders`,
  `drop_${service}_delete`,
  `${service}_write_orders`,
]);
const requests: readonly PolicyRequest[] = names.map((name) => ({ tool: { name } }));
/** Calls as a wire brings them; few at a time, as otherwise the reading of memory is what is measured. */
class Wire {
  readonly #nameOf: () => string;
  #calls: PolicyRequest[] = [];

  constructor(nameOf: () => string) {
    this.#nameOf = nameOf;
  }

  readonly bring = (calls: number): void => {
    const requests = Array.from({ length: calls }, () => ({ tool: { name: this.#nameOf() } }));
    this.#calls = JSON.parse(JSON.stringify(requests)) as PolicyRequest[];
  };

  next(): PolicyRequest {
    return this.#calls.pop() ?? { tool: { name: "" } };
  }
}

let made = 0;
/** Each once. */
const unseen = new Wire(() => `service${(made += 1) % 60}_read_${made}`);
const tools = Array.from({ length: 200 }, (_, index) => `${names[(index * 7) % names.length]}_${index}`);
/** Zipf's law: what is drawn is `tools[n]` a n-th as often as the first. */
const shares = tools.map((_, index) => 1 / (index + 1));
const sum = shares.reduce((total, share) => total + share, 0);
let drawn = 1;
const fleet = new Wire(() => {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
  let left = (drawn / 2 ** 32) * sum;
  return (
    tools[
      Math.max(
        0,
        shares.findIndex((share) => (left -= share) <= 0),
      )
    ] ?? ""
  );
});
const expression = new RegExp(patterns.map((pattern) => micromatch.makeRe(pattern).source).join("|"));

head("names, 50 patterns");
const rates = race({
  engine: {
    calls: 1_000_000,
    run: (index) => decide(policy, requests[index % requests.length] ?? { tool: { name: "" } }),
  },
  mixed: { calls: 100_000, run: () => decide(policy, fleet.next()), prepare: fleet.bring },
  mixedExpression: { calls: 100_000, run: () => expression.test(fleet.next().tool.name), prepare: fleet.bring },
  fresh: { calls: 100_000, run: () => decide(policy, unseen.next()), prepare: unseen.bring },
  freshExpression: { calls: 100_000, run: () => expression.test(unseen.next().tool.name), prepare: unseen.bring },
  micromatch: { calls: 20_000, run: (index) => micromatch.isMatch(names[index % names.length] ?? "", patterns) },
  expression: { calls: 1_000_000, run: (index) => expression.test(names[index % names.length] ?? "") },
});
const rate = (name: string): Rate => rates.get(name) ?? NONE;
const [mixed, fresh] = [rate("mixed"), rate("fresh")];
const times = (ours: Rate, theirs: Rate): string => `${(ours.median / theirs.median).toFixed(2)} times`;
const goal = `goal ${NAMES_GOAL.toLocaleString("en-US")}`;
line("decide, names of an agent", rate("engine"), goal);
line(
  "decide, 200 tools of a fleet",
  mixed,
  `${goal}; ${times(mixed, rate("mixedExpression"))} one expression on the same`,
);
line(
  "decide, a name never seen",
  fresh,
  `${goal}; ${times(fresh, rate("freshExpression"))} one expression on the same`,
);
line("micromatch.isMatch", rate("micromatch"), `decide is ${times(rate("engine"), rate("micromatch"))} as fast`);
line("one compiled expression", rate("expression"), `decide is ${times(rate("engine"), rate("expression"))} as fast`);

const CONDITIONS = [
  'environment == "production" && "write" in tool.actions',
  "args.amount > 1000.0",
  'session.label >= label("confidential")',
  "session.denied >= 3",
  'agent.role == "intern"',
  'args.to.endsWith("@evil.example")',
  "now.getHours() < 6",
  "session.spent_usd > 10.0",
  'has(args.cc) && args.cc != ""',
  'destination.startsWith("evil") || model == "gpt-3"',
];
const ruled = policyOf({
  allow: ["*"],
  rules: CONDITIONS.map((when, index) => ({ name: `r${index}`, effect: "deny", when })),
});
const request: PolicyRequest = {
  tool: { name: "send_mail", actions: ["send"] },
  args: { to: "ada@shop.example", amount: 20 },
  agent: { name: "shop", role: "seller" },
  session: { label: "internal", calls: 4 },
  environment: "production",
  now: new Date("2026-11-21T12:00:00Z"),
};
const { args: _args, ...withoutArgs } = request;
const quiet = policyOf({
  allow: ["*"],
  rules: CONDITIONS.map((when) =>
    when
      .replaceAll(/args\.\w+/g, "model")
      .replace("model > 1000.0", "session.calls > 1000")
      .replace("has(model)", "true"),
  ).map((when, index) => ({ name: `r${index}`, effect: "deny", when })),
});
console.log("");
head("ten rules in CEL, all evaluated");
const ruledRates = race({
  context: { calls: 100_000, run: () => decide(quiet, withoutArgs) },
  args: { calls: 100_000, run: () => decide(ruled, request) },
});
line("over agent, session, time", ruledRates.get("context") ?? NONE, `goal ${RULES_GOAL.toLocaleString("en-US")}`);
line("and arguments, copied and frozen", ruledRates.get("args") ?? NONE);

const text = "The quick brown fox jumps over the lazy dog, 4111 times. ".repeat(40);
const large: PolicyRequest = {
  ...request,
  args: {
    to: "ada@shop.example",
    amount: 20,
    body: text,
    tags: Array.from({ length: 60 }, (_, index) => `tag-${index}`),
  },
};
const bytes = JSON.stringify(large.args).length;
const callRates = race({
  call: { calls: 2_000, run: () => [findLabels(large.args), decide(ruled, large).arguments?.digest] },
  digest: { calls: 2_000, run: () => argumentsDigest(large.args) },
});
const callUs = 1e6 / (callRates.get("call") ?? NONE).median;
console.log(`\na call with ${bytes} bytes of arguments`);
console.log(
  `copy, labels, ten rules, digest   ${callUs.toFixed(1)} µs   (copy and digest alone ${(1e6 / (callRates.get("digest") ?? NONE).median).toFixed(1)} µs; goal ${CALL_GOAL_US} µs)`,
);

const seed = Number(process.argv[process.argv.indexOf("--seed") + 1]) || Math.trunc(Math.random() * 2 ** 31);
const worst = fuzz(seed);
console.log(`\nfuzz, seed ${seed}, ${FUZZ_INPUTS} inputs each`);
console.log(`longest pattern     ${worst.pattern.ms.toFixed(2)} ms   ${worst.pattern.what}`);
console.log(
  `longest condition   ${worst.condition.ms.toFixed(2)} ms   ${worst.condition.what}   (goal ${FUZZ_GOAL_MS} ms)`,
);

const isMet =
  [rate("engine"), mixed, fresh].every(({ median }) => median >= NAMES_GOAL) &&
  (ruledRates.get("context") ?? NONE).median >= RULES_GOAL &&
  callUs < CALL_GOAL_US &&
  Math.max(worst.pattern.ms, worst.condition.ms) < FUZZ_GOAL_MS;
if (!isMet) console.log("\nnot all goals are met");
process.exitCode = isMet ? 0 : 1;

interface Longest {
  readonly ms: number;
  readonly what: string;
}

function fuzz(start: number): { readonly pattern: Longest; readonly condition: Longest } {
  let state = start >>> 0;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.trunc((state / 2 ** 32) * below);
  };
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  let pattern: Longest = { ms: 0, what: "" };
  let condition: Longest = { ms: 0, what: "" };
  const pieces = [
    "*",
    "?",
    "**",
    "a",
    "aa",
    "ab",
    "[ab]",
    "{a,b}",
    "{a,{b,c}}",
    "{,a}",
    "x".repeat(40),
    "(a+)+",
    "\\*",
    ".",
    "/",
  ];
  const texts = ["a".repeat(256), "ab".repeat(128), `${"a".repeat(255)}b`, "x".repeat(256), "ﷺ".repeat(14)];
  for (let input = 0; input < FUZZ_INPUTS; input += 1) {
    let source = "";
    while (source.length < GLOB_LENGTH_MAX - 45 && random(24) > 0) source += pick(pieces);
    const ms = quickest(() => {
      try {
        const matches = compileGlob(source === "" ? "*" : source);
        for (const name of texts) matches(name);
      } catch (error) {
        if (!(error instanceof GlobError)) throw error;
      }
    });
    if (ms > pattern.ms) pattern = { ms, what: source.slice(0, 60) };
  }
  const argumentsList = [
    { s: "a".repeat(1_000_000), t: `${"a".repeat(400_000)}b`, l: [] },
    { s: "1h".repeat(250_000), t: "aaab".repeat(2_000), l: Array.from({ length: 30_000 }, (_, index) => index) },
    {
      s: "9".repeat(60),
      t: "{a,b}{c,d}{e,f}*",
      l: Array.from({ length: 2_000 }, (_, index) => "ab".repeat(index % 50)),
    },
    {
      s: "ﷺ".repeat(5_000),
      t: "*a?b*",
      l: Array.from({ length: 300 }, () => ({ a: Array.from({ length: 100 }, () => "x") })),
    },
  ].map((args) => canonicalArguments(args));
  const leaves = [
    "args.s",
    "args.t",
    "args.l",
    "x",
    "1.0",
    "'ab'",
    "args.s + args.t",
    "size(args.l)",
    "args.l + args.l",
    "args.nope",
    "now",
  ];
  const term = (depth: number): string => {
    if (depth === 0) return pick(leaves);
    const inner = (): string => term(depth - 1 - random(depth));
    return pick([
      () => `${inner()}.contains(${inner()})`,
      () => `glob(${inner()}, ${inner()})`,
      () => `duration(${inner()}) > duration('1s')`,
      () => `int(${inner()}) > 5`,
      () => `args.l.${pick(["exists", "all", "filter", "map", "exists_one"])}(x, ${inner()})`,
      () => `(${inner()}) ${pick(["==", "in", "<", "+", "&&", "||"])} (${inner()})`,
      () => `${inner()}.${pick(["lowerAscii", "trim"])}()`,
      () => `${inner()}.indexOf(${inner()}) == 3`,
      () => `size(${inner()}) > 3`,
      () => `string(${inner()}) == 'a'`,
    ])();
  };
  for (let input = 0; input < FUZZ_INPUTS; input += 1) {
    const source = `args.l.exists(x, ${term(1 + random(4))}) || ${term(1 + random(4))}`;
    const compiled = compileCondition(source);
    if (!compiled.ok) continue;
    for (const canonical of argumentsList) {
      if (!canonical.ok) continue;
      const ms = quickest(() => {
        const call = { tool: "x", args: canonical.arguments.value, labels: DEFAULT_LABEL_ORDER };
        compiled.condition.evaluate(conditionScope({ tool: { name: "x" } }, call));
      });
      if (ms > condition.ms) condition = { ms, what: source.slice(0, 100) };
    }
  }
  return { pattern, condition };
}

function quickest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const startedAt = performance.now();
    run();
    const ms = performance.now() - startedAt;
    best = Math.min(best, ms);
    if (best < 1) break;
  }
  return best;
}
