/** The same programs in two processes, bare and registered, each against a provider of its own with the same answers. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import type { AccountJson } from "../../../src/demo/provider/tally.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { startAgentProcessor, type AgentProcessor } from "../agent-processor.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const NOW_UNIX_MS = 1_795_294_096_000;
const PLENTY_NANO_USD = 10n ** 15n;

/** What the app saw. */
export interface Ran {
  readonly seen: unknown;
  readonly unhandled: unknown;
}

interface Books {
  readonly seed: number;
  readonly billed: bigint;
  readonly charged: bigint;
  readonly statuses: readonly unknown[];
  readonly isRight: boolean;
}

/** One process and its provider. */
class Twin {
  readonly #simulator = new ProviderSimulator({
    outputTokens: { min: 5, max: 60 },
    tokensPerPiece: 4,
    now: () => NOW_UNIX_MS,
  });
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;
  #stderr = "";

  async start(preload: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    const urls = [await this.#simulator.start(), await this.#simulator.startHttp2()];
    const script = join(import.meta.dirname, "agent.ts");
    const child = spawn(process.execPath, [...preload, script, ...urls], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1", AI_SDK_LOG_WARNINGS: "false", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stderr?.on("data", (chunk) => (this.#stderr += String(chunk)));
    this.#child = child;
    this.#lines = (createInterface({ input: child.stdout as NodeJS.ReadableStream }) as Interface)[
      Symbol.asyncIterator
    ]();
  }

  async run(seed: number): Promise<Ran> {
    this.#child?.stdin?.write(`${seed}\n`);
    const line = await this.#lines?.next();
    if (line?.done !== false) throw new Error(`the process ended at seed ${seed}: ${this.#stderr.slice(-2_000)}`);
    await waitFor(() => this.#simulator.count().in_flight === 0, {
      what: "the provider",
      timeoutMs: 60_000,
      intervalMs: 2,
    });
    return JSON.parse(line.value) as Ran;
  }

  bill(seed: number): AccountJson {
    return (
      this.#simulator.count().by_key[keyOf(seed)] ?? { calls: 0, nano_usd: "0", input_tokens: 0, output_tokens: 0 }
    );
  }

  async end(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const exit = once(child, "exit");
    child.stdin?.end();
    const [code] = (await exit) as [number | null];
    return code;
  }

  async close(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#simulator.stop();
  }
}

export class Twins {
  readonly bare = new Twin();
  readonly gated = new Twin();
  #processor: AgentProcessor | undefined;

  get processor(): AgentProcessor {
    if (this.#processor === undefined) throw new Error("not started");
    return this.#processor;
  }

  async start(): Promise<void> {
    this.#processor = await startAgentProcessor({ limit: PLENTY_NANO_USD });
    const { url } = this.#processor;
    await this.bare.start([], {});
    await this.gated.start(["--import", "@tollgate/instrumentation/register"], {
      TOLLGATE_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
    });
  }

  async run(seed: number): Promise<{ readonly bare: Ran; readonly gated: Ran }> {
    const [bare, gated] = await Promise.all([this.bare.run(seed), this.gated.run(seed)]);
    return { bare, gated };
  }

  /** Both processes end by themselves; resolves to their exit codes. */
  async end(): Promise<readonly (number | null)[]> {
    return Promise.all([this.bare.end(), this.gated.end()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.bare.close(), this.gated.close(), this.#processor?.close()]);
  }

  /** What was billed for a program, and what its spans say, after the processes have ended. */
  booksOf(seed: number): Books {
    const spans = this.processor.spans
      .map(({ attributes }) => attributes)
      .filter((span) => span["tollgate.session.id"] === keyOf(seed) && span["tollgate.cost.status"] !== undefined);
    const costs = spans.map((span) => BigInt(Number(span["tollgate.cost.nano_usd"] ?? 0)));
    const charged = costs.reduce((sum, cost) => sum + cost, 0n);
    const statuses = spans.map((span) => span["tollgate.cost.status"]);
    const { nano_usd: paid, calls } = this.gated.bill(seed);
    const billed = BigInt(paid);
    const exact = costs.filter((cost, index) => cost > 0n && statuses[index] === "exact");
    const isCovered = statuses.every((status) => status === "exact") ? charged === billed : charged >= billed;
    return { seed, billed, charged, statuses, isRight: isCovered && exact.length <= calls };
  }
}

/** Names a program's account in the provider's books, and its session. */
function keyOf(seed: number): string {
  return `p${seed}`;
}
