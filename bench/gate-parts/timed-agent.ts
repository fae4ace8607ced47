/** A process that makes calls of the real SDK and tells how long each of them took (bench/agents/timed-calls.mjs). */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/demo/paths.ts";
import type { Endpoints } from "../../src/demo/processor-process.ts";

/** What a process is started with, beside the program. */
export interface AgentOptions {
  readonly nodeArgs: readonly string[];
  readonly providerUrl: string;
  readonly endpoints: Endpoints;
  readonly env?: Readonly<Record<string, string>>;
}

/** Nanoseconds; so many calls in one go. */
export interface Block {
  readonly p50: number;
  readonly p99: number;
  /** The time of all calls, by their number. */
  readonly each: number;
  /** The CPU of the process meanwhile, by their number. */
  readonly cpu: number;
}

interface Told {
  readonly nanoseconds: readonly number[];
  readonly total: number;
  readonly cpu: number;
}

export class TimedAgent {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start({ nodeArgs, providerUrl, endpoints, env }: AgentOptions): Promise<TimedAgent> {
    const agent = spawn(
      process.execPath,
      [...nodeArgs, join(PACKAGE_ROOT, "bench/agents/timed-calls.mjs"), providerUrl],
      {
        cwd: PACKAGE_ROOT,
        env: {
          ...process.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: endpoints.otlp_http,
          TOLLGATE_ENDPOINT: endpoints.api,
          TOLLGATE_AGENT: "bench",
          ...env,
        },
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      },
    );
    await once(agent, "message");
    return new TimedAgent(agent);
  }

  async time(calls: number, callers: number): Promise<Block> {
    this.#process.send({ calls, callers });
    const [{ nanoseconds, total, cpu }] = (await once(this.#process, "message")) as [Told];
    return {
      p50: quantile(nanoseconds, 0.5),
      p99: quantile(nanoseconds, 0.99),
      each: total / nanoseconds.length,
      cpu: cpu / nanoseconds.length,
    };
  }

  /** Waits for the end: the processor must hear the agent's last words. */
  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill();
    await ended;
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}
