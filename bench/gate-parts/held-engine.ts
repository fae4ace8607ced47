/**
 * A processor's embedded engine, held still while calls are timed: it belongs to another machine, and on this one it takes caches and
 * half a core from the agents. Between the blocks it goes on until all spans are stored. SIGSTOP and SIGCONT: not on Windows.
 */
import type { ServiceStatus } from "../../src/api/status.ts";
import type { ProcessorProcess, Workspace } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { dataDirectory, readToken } from "../../src/service/data-directory.ts";

const DRAIN_MS = 60_000;

export class HeldEngine {
  readonly #processor: ProcessorProcess;
  readonly #token: string;

  constructor(processor: ProcessorProcess, workspace: Workspace) {
    this.#processor = processor;
    this.#token = readToken(dataDirectory(workspace.dataDir)) ?? "";
  }

  /** Stands still while `work` runs, which is not to take longer than the engine may be silent: three seconds are none. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const status = await waitFor(() => this.#drained(), { what: "the spool to empty", timeoutMs: DRAIN_MS });
    const pid = status.engine?.pid;
    if (typeof pid !== "number") throw new Error("the processor has no engine of its own");
    process.kill(pid, "SIGSTOP");
    try {
      return await work();
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }

  async #drained(): Promise<ServiceStatus | undefined> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.#processor.endpoints.api}/v1/status`, { headers });
    const status = (await response.json()) as ServiceStatus;
    return status.spans.in_flight === 0 ? status : undefined;
  }
}
