/**
 * An app that runs programs drawn from the seeds that it reads, a line each, and prints what it saw of each. It is started bare and registered.
 */
import { createInterface } from "node:readline";
import { Random } from "../random.ts";
import { Describer } from "./describe.ts";
import { drawProgram, OPERATIONS, type AbortMoment, type Step } from "./program.ts";

const [url = "", http2Url = ""] = process.argv.slice(2);
const describer = new Describer({
  [url]: "URL",
  [http2Url]: "URL2",
  [url.replace("http://", "")]: "HOST",
  [http2Url.replace("http://", "")]: "HOST2",
});
const isGated = process.execArgv.length > 0;

interface Gating {
  readonly withContext: <T>(context: object, work: () => T) => T;
  readonly flush: () => Promise<void>;
}

const BARE: Gating = { withContext: (_context, work) => work(), flush: async () => {} };

async function loadGating(): Promise<Gating> {
  return (await import("@tollgate/instrumentation")) as Gating;
}

const HANGS_MS = 4_000;
/** Less than the provider takes, more than a request takes to get there. */
const WAITS_MS = 60;
const gating = isGated ? await loadGating() : BARE;
const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push({ unhandled: describer.describe(reason) }));
process.on("uncaughtException", (error) => unhandled.push({ uncaught: describer.describe(error) }));

function signalOf(moment: AbortMoment): AbortSignal {
  const leaving = new AbortController();
  const reason = new DOMException("the app's own reason", "AbortError");
  if (moment === "before") leaving.abort(reason);
  else setTimeout(() => leaving.abort(reason), WAITS_MS);
  return leaving.signal;
}

async function run(step: Step, key: string): Promise<unknown> {
  const { operation, abort, context, seed, prompt, fault, retries } = step;
  const noted: unknown[] = [];
  const setting = {
    url,
    http2Url,
    key,
    prompt,
    maxTokens: step.maxTokens,
    fault,
    retries,
    timeoutMs: step.timeoutMs,
    signal: abort === undefined ? undefined : signalOf(abort),
    random: new Random(seed),
    note: (seen: unknown) => void noted.push(describer.describe(seen)),
  };
  const work = () => describer.seenBy(() => OPERATIONS[operation]?.(setting));
  const running = context === undefined ? work() : gating.withContext(context, work);
  const seen = await Promise.race([running, hangs()]);
  return { operation, noted, seen };
}

/** Helpers that are misused may never end, and do so bare too. */
function hangs(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, HANGS_MS, "hangs").unref());
}

async function runProgram(seed: number): Promise<unknown> {
  const { lanes } = drawProgram(seed);
  const key = `p${seed}`;
  const ends = gating.withContext({ session: key }, () =>
    Promise.all(
      lanes.map(async (steps) => {
        const seen: unknown[] = [];
        for (const step of steps) seen.push(await run(step, key));
        return seen;
      }),
    ),
  );
  const seen = await ends;
  await new Promise((resolve) => setImmediate(resolve));
  return { seen, unhandled: unhandled.splice(0) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const seed = Number(line);
  const result = await runProgram(seed);
  await gating.flush();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
