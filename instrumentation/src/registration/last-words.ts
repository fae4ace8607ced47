/**
 * What a process must still say when it ends: spans that are not acknowledged, and the last report of each lease. A lost
 * audit record is a failure of the product, so every way out is covered:
 *
 * - the event loop runs empty (`beforeExit`), SIGTERM, SIGINT, SIGHUP and their kin: sent from here, within the flush time-out;
 * - `process.exit()` and uncaught exceptions: handed, as text, to a small child process that sends it. That costs some
 *   fifty milliseconds, and only when something is left.
 *
 * Threads that are cut off by it have left theirs on a shelf (thread-spans.ts). What cannot be sent then goes into the spool, where there is one; else it is lost, and its number is logged.
 *
 * Nothing can be said on SIGKILL: then the lease counts as spent until the ledger's grace time is over (I4).
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { FLUSH_TIMEOUT_MS, plainEnvironment } from "../config/config.ts";
import type { Config } from "../config/config.ts";
import type { Gate } from "../gate/gate.ts";
import { OTLP_TYPE, toOtlpRequest } from "../telemetry/span-protobuf.ts";
import type { ThreadSpans } from "../telemetry/thread-spans.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { EndSignals } from "./end-signals.ts";
import { plainSpawnSync } from "./hook-children.ts";
import { fileBeside } from "../own-package.ts";

/** One request of the child process: a body, or the file that holds it and goes when it is taken. */
export interface HandedOver {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly type: string;
  /** Bytes are handed over in Base64. */
  readonly body: string | { readonly base64: string } | { readonly file: string };
}

const SPANS_PER_REQUEST = 512;
const NOTHING = Promise.resolve();

export class LastWords {
  readonly #gate: Gate;
  readonly #tracing: Tracing;
  readonly #threadSpans: ThreadSpans;
  readonly #signals = new EndSignals(() => this.#dying());
  #leftBefore = 0;
  #said = "";

  constructor(gate: Gate, tracing: Tracing, threadSpans: ThreadSpans) {
    this.#gate = gate;
    this.#tracing = tracing;
    this.#threadSpans = threadSpans;
  }

  install(): void {
    process.on("beforeExit", () => {
      this.#tracing.closeChain();
      // What could not be sent stays: trying for ever would keep the process alive. `exit` hands it over.
      const left = this.#countLeft();
      if (left === 0 || left === this.#leftBefore) return;
      this.#leftBefore = left;
      void this.flush();
    });
    process.on("exit", () => this.handOver());
    this.#comeLast();
    if (isMainThread) this.#signals.install();
  }

  /** Sends what there is, and gives back the money that no call holds. Never rejects; bounded by the flush time-out. */
  async flush(): Promise<void> {
    const { leases, afterwork } = this.#gate;
    afterwork?.catchUp();
    const said = [leases?.giveBack() ?? NOTHING, leases?.sessions.flush() ?? NOTHING];
    await within(FLUSH_TIMEOUT_MS, [this.#tracing.flush(), ...said]);
  }

  /** Ends what is open, sends everything, closes the leases. Calls after this are refused. */
  async shutdown(): Promise<void> {
    this.#endOpen();
    this.#threadSpans.collect();
    await within(FLUSH_TIMEOUT_MS, [this.#tracing.shutdown(), this.#gate.leases?.close() ?? NOTHING]);
  }

  #countLeft(): number {
    const { leases } = this.#gate;
    const reports = (leases?.lastReports().leases.length ?? 0) + (leases?.sessions.unsaid() === undefined ? 0 : 1);
    return reports + (this.#tracing.spans?.pending.length ?? 0);
  }

  /** Listeners of the app come after ours, and may decide something; or it has taken all listeners away, or asks for none of them. */
  #comeLast(): void {
    const emit = process.emit.bind(process) as (...args: unknown[]) => boolean;
    process.emit = ((...args: unknown[]): boolean => {
      try {
        // The app may go on after this signal, or end in a way that leaves little time.
        if (this.#signals.isForOthers(args[0])) void this.flush();
        return emit(...args);
      } finally {
        if (args[0] === "exit") this.handOver();
      }
    }) as typeof process.emit;
    // Not in the types: what `process.exit` ends in, and some packages call.
    const inner = process as unknown as { reallyExit?: (code?: number) => never };
    const reallyExit = inner.reallyExit?.bind(process);
    if (reallyExit === undefined || !isMainThread) return;
    inner.reallyExit = (code) => {
      this.handOver();
      return reallyExit(code);
    };
  }

  /** A process that dies by a signal has no `exit`. */
  async #dying(): Promise<void> {
    await this.shutdown();
    // Its threads have worked on meanwhile.
    if (this.#threadSpans.collect() > 0) this.handOver();
    else this.#keepOrTell();
  }

  #endOpen(): void {
    this.#gate.endOpenCalls();
    this.#tracing.spans?.endOpen();
    this.#tracing.closeChain();
  }

  /** What is left and can't be sent: on disk, or else counted in the log. */
  #keepOrTell(): void {
    const { spans } = this.#tracing;
    if (spans === undefined) return;
    spans.spillAll();
    const lost = spans.pending.length + spans.dropped;
    if (lost === 0) return;
    const { config, logger } = this.#gate;
    logger.log(config.announcesReceiver ? "error" : "info", `${lost} spans were lost: nobody took them`);
  }

  /** Synchronously, before the process is gone. */
  handOver(): void {
    this.#endOpen();
    this.#threadSpans.collect();
    const { spans } = this.#tracing;
    spans?.settle();
    const reports = this.#reports(this.#gate.config);
    // Asked up to three times in the same end: only for what has been decided since, before anything of it is written.
    const said = `${spans?.kept ?? 0} ${JSON.stringify(reports)}`;
    if (said === this.#said) return;
    this.#said = said;
    const requests = [...this.#spanRequests(this.#gate.config), ...reports];
    const isTaken = requests.length === 0 || handOver(JSON.stringify(requests));
    if (isTaken) spans?.handedOver();
    if (!isTaken || spans?.isUnreachable === true) this.#keepOrTell();
  }

  #reports(config: Config): readonly HandedOver[] {
    const requests: HandedOver[] = [];
    const { endpoint, apiKey } = config;
    const { leases } = this.#gate;
    if (endpoint === undefined || leases === undefined) return requests;
    const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey.reveal()}` };
    const post = (path: string, report: unknown): void => {
      const url = endpoint.href.replace(/\/+$/, "") + path;
      requests.push({ url, headers, type: "application/json", body: JSON.stringify(report) });
    };
    const unsaid = leases.sessions.unsaid();
    if (unsaid !== undefined) post("/v1/leases/sessions", unsaid);
    const report = leases.lastReports();
    if (report.leases.length > 0) post("/v1/leases/close", report);
    return requests;
  }

  /** Nothing for a receiver that never answered: its spans are kept, or lost and told. */
  #spanRequests(config: Config): HandedOver[] {
    const { spans } = this.#tracing;
    const headers = Object.fromEntries([...config.tracesHeaders].map(([name, value]) => [name, value.reveal()]));
    const files = spans?.spillAll() ?? [];
    if (spans === undefined || spans.isUnreachable) return [];
    const requests: HandedOver[] = (spans.isFailing ? [] : files).map((file) => ({
      url: config.tracesUrl,
      headers,
      type: OTLP_TYPE,
      body: { file },
    }));
    const { pending } = spans;
    for (let start = 0; start < pending.length; start += SPANS_PER_REQUEST) {
      const base64 = toOtlpRequest(pending.slice(start, start + SPANS_PER_REQUEST)).toString("base64");
      requests.push({ url: config.tracesUrl, headers, type: OTLP_TYPE, body: { base64 } });
    }
    return requests;
  }
}

/** True when all was taken. */
function handOver(requests: string): boolean {
  const file = fileBeside(import.meta.url, "./hand-over.js");
  const script = file === undefined ? undefined : fileURLToPath(file);
  // In a bundle there is no such file.
  if (script === undefined || !existsSync(script)) return false;
  const { status } = plainSpawnSync(process.execPath, [script], {
    input: requests,
    timeout: FLUSH_TIMEOUT_MS,
    stdio: ["pipe", "ignore", "ignore"],
    env: plainEnvironment(),
  });
  return status === 0;
}

/** Waits for all, at most `timeoutMs`; holds the process open meanwhile, because the connections do not. */
async function within(timeoutMs: number, work: readonly Promise<unknown>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([Promise.allSettled(work), promise]);
  clearTimeout(timer);
}
