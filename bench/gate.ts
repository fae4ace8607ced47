/**
 * What the gate adds to a call: the same SDK call against the same local server, by a bare process and by one with the
 * instrumentation, a budget, the audit chain and a processor. Blocks of calls alternate between the two, so that both see the same
 * machine. By one caller: the difference of the quantiles of each pair of blocks, and of those the median. By 64 callers, who keep a core
 * busy: the difference of the time that a call takes of the whole, and of the CPU of its process. Then what pricing and bounding a prompt
 * costs by itself, and what other instrumentations of the library add, in the same rounds; and, before all that, what registration adds to
 * the start of a process. The processor, which runs on another machine, gets of this one what nobody else wants, and its engine nothing
 * while calls are timed.
 *
 *     npm run bench gate [-- --calls 1000000]      (so many calls of one process: what they leave behind, instead)
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "../src/demo/paths.ts";
import { createWorkspace, ProcessorProcess } from "../src/demo/processor-process.ts";
import { CallBounds } from "../instrumentation/src/gate/call-bound.ts";
import { chatCompletions } from "../instrumentation/src/openai/chat-completions.ts";
import { createPriceBook } from "../instrumentation/src/pricing/cached-price-book.ts";
import { compareWithOthers } from "./gate-parts/beside-others.ts";
import { HeldEngine } from "./gate-parts/held-engine.ts";
import { makeManyCalls } from "./gate-parts/many-calls.ts";
import { timeRegistration } from "./gate-parts/registration.ts";
import { type Block, quantile, TimedAgent } from "./gate-parts/timed-agent.ts";

/** After 3,000 calls half of what the gate adds is code that is not compiled yet; after this many it stays the same (decision 0045). */
const WARM_UP_CALLS = 12_000;
const BLOCK_CALLS = 256;
const BLOCKS = 60;
/** While the engine stands still. */
const BLOCKS_TOGETHER = 4;
const CALLERS = 64;
const LIMITS_US = { p50: 50, p99: 200, callers: 50, bound: 5 };

const GOVERNANCE = "{ kind: budget, name: bench, limit: $1000.00, window: lifetime, mode: hard }\n";

const { values: given } = parseArgs({ options: { calls: { type: "string" } } });
if (given.calls !== undefined) process.exit((await makeManyCalls(Number(given.calls))) ? 0 : 1);

if (!timeRegistration()) process.exitCode = 1;
await using stack = new AsyncDisposableStack();
const simulator = spawn(process.execPath, [join(PACKAGE_ROOT, "dist/demo/provider/main.js")], {
  stdio: ["ignore", "pipe", "inherit"],
});
stack.defer(() => void simulator.kill());
const [line] = (await once(simulator.stdout, "data")) as [Buffer];
const { url } = JSON.parse(line.toString()) as { url: string };
const workspace = await createWorkspace({ governance: GOVERNANCE });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
stack.defer(async () => void (await processor.stop()));
stepBack(processor.endpoints.pid);
const engine = new HeldEngine(processor, workspace);

const where = { providerUrl: url, endpoints: processor.endpoints };
const bare = await TimedAgent.start({ ...where, nodeArgs: [] });
stack.defer(() => bare.end());
const gated = await TimedAgent.start({ ...where, nodeArgs: ["--import", "@tollgate/instrumentation/register"] });
stack.defer(() => gated.end());

for (const agent of [bare, gated]) await agent.time(WARM_UP_CALLS, CALLERS);
const one = await comparePairs(1);
const many = await comparePairs(CALLERS);
const us = (nanoseconds: number): string => (nanoseconds / 1_000).toFixed(0);
console.log(`one caller       bare ${us(one.bare)} µs, gated ${us(one.gated)} µs at the median`);
report("added, p50", one.p50, LIMITS_US.p50);
report("added, p99", one.p99, LIMITS_US.p99);
console.log(
  `${CALLERS} callers       bare ${us(many.bareEach)} µs, gated ${us(many.gatedEach)} µs of the process's time a call`,
);
report("added a call", many.each, LIMITS_US.callers);
console.log(`CPU of the process   ${us(one.cpu)} µs more by one caller, ${us(many.cpu)} µs by ${CALLERS}`);
const [small, large] = [timeBound(4), timeBound(64)];
report("price + bound, 4 KB", small * 1_000, LIMITS_US.bound);
console.log(`                 64 KB: ${large.toFixed(1)} µs, ${(large / small).toFixed(1)} times that of 4 KB`);
const calls = { warmUp: WARM_UP_CALLS, block: BLOCK_CALLS, callers: CALLERS };
await compareWithOthers({ bare, gate: gated }, { ...where, engine, calls });

function report(what: string, nanoseconds: number, limitUs: number): void {
  const value = nanoseconds / 1_000;
  if (value >= limitUs) process.exitCode = 1;
  console.log(`${what.padEnd(20)} ${value.toFixed(1).padStart(6)} µs   (promise: under ${limitUs} µs)`);
}

interface Compared {
  readonly bare: number;
  readonly gated: number;
  readonly p50: number;
  readonly p99: number;
  readonly bareEach: number;
  readonly gatedEach: number;
  readonly each: number;
  readonly cpu: number;
}

async function comparePairs(callers: number): Promise<Compared> {
  const pairs: { readonly bare: Block; readonly gated: Block }[] = [];
  const comparePair = async (): Promise<void> => {
    // Who goes first changes, so that neither always runs on the warmer machine.
    const isBareFirst = pairs.length % 2 === 0;
    const first = await (isBareFirst ? bare : gated).time(BLOCK_CALLS, callers);
    const second = await (isBareFirst ? gated : bare).time(BLOCK_CALLS, callers);
    pairs.push(isBareFirst ? { bare: first, gated: second } : { bare: second, gated: first });
  };
  while (pairs.length < BLOCKS) {
    await engine.during(async () => {
      for (let block = 0; block < BLOCKS_TOGETHER; block += 1) await comparePair();
    });
  }
  const over = (read: (pair: (typeof pairs)[number]) => number): number => quantile(pairs.map(read), 0.5);
  return {
    bare: over((pair) => pair.bare.p50),
    gated: over((pair) => pair.gated.p50),
    p50: over((pair) => pair.gated.p50 - pair.bare.p50),
    p99: over((pair) => pair.gated.p99 - pair.bare.p99),
    bareEach: over((pair) => pair.bare.each),
    gatedEach: over((pair) => pair.gated.each),
    each: over((pair) => pair.gated.each - pair.bare.each),
    cpu: over((pair) => pair.gated.cpu - pair.bare.cpu),
  };
}

/** Microseconds for the facts of a prompt of so many kilobytes, its price and its worst case; the best of many rounds. */
function timeBound(kilobytes: number): number {
  const prices = createPriceBook();
  const content = "What does a toll gate do? ".repeat(Math.ceil((kilobytes * 1_024) / 26));
  const body = { model: "gpt-4o-mini", max_completion_tokens: 16, messages: [{ role: "user", content }] };
  const rounds = Array.from({ length: 40 }, () => {
    const start = process.hrtime.bigint();
    for (let index = 0; index < 500; index += 1) {
      const facts = chatCompletions.readRequest(body);
      const price = prices.find({ provider: "openai", model: facts.model, at: new Date() });
      void new CallBounds(facts, price).want().worst;
    }
    return Number(process.hrtime.bigint() - start) / 500;
  });
  return Math.min(...rounds) / 1_000;
}

/** A process and its children, thread by thread, to the lowest priority. Where there is no /proc, nothing changes. */
function stepBack(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      setPriority(Number(thread), constants.priority.PRIORITY_LOW);
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
      for (const child of children.split(" ")) if (child !== "") stepBack(Number(child));
    }
  } catch {
    console.log("(the processor has the same priority as the agents here)");
  }
}
