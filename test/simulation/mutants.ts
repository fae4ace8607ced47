/**
 * Deliberate mistakes in the rules, each one change of text: what the simulation must find. A change that no longer fits its
 * file is a fault of this list, and said as one.
 */
export interface Mutant {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The simulation finds it in one of these seeds: the first and the last. Many where it takes a rare turn of events. */
  readonly seeds: readonly [number, number];
  /** Of several processors over one store. @default one processor with a disk */
  readonly store?: "valkey";
}

const RULES = "src/budget/rules";
const LOCAL = "src/budget/local";
const VALKEY = "src/budget/valkey";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "one budget is left out of the check of a grant",
    file: `${RULES}/decide.ts`,
    find: "const ceiling = ceilingOf(within, (spend) => roomIn(spend, lease, nowMs));",
    replace: "const ceiling = ceilingOf({ ...within, hard: hard.slice(1) }, (spend) => roomIn(spend, lease, nowMs));",
    seeds: [1, 20],
  },
  {
    name: "a doubled report counts again",
    file: `${RULES}/apply.ts`,
    find: "const settled = maxAmounts(lease.settled, reported);\n  moveLease",
    replace: "const settled = addAmounts(lease.settled, reported);\n  moveLease",
    seeds: [1, 40],
  },
  {
    name: "a late report of a closed lease counts in full",
    file: `${RULES}/apply.ts`,
    find: "const counted = subtractAmounts(settled, closed.settled);",
    replace: "const counted = settled;",
    seeds: [1, 100],
  },
  {
    name: "an expired lease comes free at once",
    file: `${RULES}/apply.ts`,
    find: "lease.deadlineMs = event.at + state.graceMs;\n  state.expired",
    replace: "lease.deadlineMs = event.at;\n  state.expired",
    seeds: [1, 40],
  },
  {
    name: "a lease given up in silence is forgotten a grace later",
    file: `${RULES}/apply.ts`,
    find: "endLease(state, lease, event.at + RELEASED_KEPT_MS);",
    replace: "endLease(state, lease, event.at + state.graceMs);",
    seeds: [1, 2000],
  },
  {
    name: "a block of spans counts each time it comes",
    file: `${RULES}/decide.ts`,
    find: "if (state.tokens.has(observation.token)) return [];",
    replace: "state.tokens.delete(observation.token);",
    seeds: [1, 60],
  },
  {
    name: "the ledger acknowledges before the disk has it",
    file: `${LOCAL}/disk.ts`,
    find: "if (file.isDurableByWrite !== true) await file.datasync();",
    replace: "",
    seeds: [1, 60],
  },
  {
    name: "a new segment's name is not made durable",
    file: `${LOCAL}/journal.ts`,
    find: "await this.#write(segmentHead(this.#segment, previousBytes));\n    await this.#options.disk.syncDirectory(this.#options.dir);",
    replace: "await this.#write(segmentHead(this.#segment, previousBytes));",
    seeds: [1111, 1113],
  },
  {
    name: "a threshold fires each time it is looked at",
    file: `${RULES}/thresholds.ts`,
    find: "if (!spend.fired.has(atPercent))",
    replace: "if (atPercent > 0)",
    seeds: [1, 20],
  },
  {
    name: "a limit that is lowered while the ledger runs holds from the next start on",
    file: `${RULES}/spend.ts`,
    find: "spend.budget = budget;\n  rearm(spend, nowMs);",
    replace: "if (spend.budget.limit < budget.limit) spend.budget = budget;\n  rearm(spend, nowMs);",
    seeds: [1, 300],
  },
  {
    name: "more is carried over than was left",
    file: `${RULES}/limit.ts`,
    find: "return spend.carried < base ? spend.carried : base;",
    replace: "return base * 5n;",
    seeds: [1, 200],
  },
  {
    name: "calls without a price are promised without a look",
    file: "src/budget/amounts.ts",
    find: "return amounts.kinds?.[KIND_OF[measure]] ?? 0n;",
    replace: 'return measure === "unpriced_calls" ? 0n : (amounts.kinds?.[KIND_OF[measure]] ?? 0n);',
    seeds: [1, 100],
  },
  {
    name: "a raise is forgotten by a restart",
    file: `${RULES}/apply.ts`,
    find: "return state.setRaise(event.raise.id, event.raise, event.at);",
    replace: "if (event.at > 0) return;",
    seeds: [1, 100],
  },
  {
    name: "the agent asks for less without lowering its own view first",
    file: "instrumentation/src/lease/lease.ts",
    find: "books.granted = smallest(books.granted, head === undefined ? target : committed);",
    replace: "",
    seeds: [1, 100],
  },
  {
    name: "the store takes an entry from a replica that does not know the last one",
    file: `${VALKEY}/scripts.ts`,
    find: "rev ~= tonumber(ARGV[3]) or (h[12] or '') ~= ARGV[5] or ",
    replace: "",
    seeds: [1, 100],
    store: "valkey",
  },
  {
    name: "what the store refused is answered as if it were in the log",
    file: `${VALKEY}/decider.ts`,
    find: "if (!appended.isAppended) return await this.#again(works, queue);",
    replace: "",
    seeds: [1, 100],
    store: "valkey",
  },
  {
    name: "a replica goes on with what it knew before the store was away",
    file: `${VALKEY}/decider.ts`,
    find: "const replica = await Replica.load(log, engine);\n    this.#heard",
    replace: "const replica = before;\n    this.#heard",
    seeds: [1, 100],
    store: "valkey",
  },
  {
    name: "a snapshot takes the place of one entry too many",
    file: `${VALKEY}/scripts.ts`,
    find: "(tonumber(ARGV[2]) + 1) .. '-0'",
    replace: "(tonumber(ARGV[2]) + 2) .. '-0'",
    seeds: [1, 100],
    store: "valkey",
  },
];
