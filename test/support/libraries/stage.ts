/** Where the shared suite plays: one provider simulator, and for each run a gated process with a ledger of its own. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { startGatedProcess, type GatedProcess } from "../gated-process.ts";
import { MemoryLedger } from "../memory-ledger.ts";
import type { ClientOptions, Library, LibraryClient } from "./library.ts";

export type Work = (client: LibraryClient) => Promise<unknown>;

/** An answer with a fault is shown as text in some libraries' errors: the times inside must be equal in both runs. */
const NOW_UNIX_MS = 1_795_294_096_000;
const PLENTY_NANO_USD = 10n ** 12n;

/** A local model costs what its owner says: the simulator's `llama3.2`. */
const HOUSE_PRICES = {
  kind: "prices",
  name: "house",
  models: { "llama3.2": { provider: "ollama", input: "0.02", output: "0.08", max_output_tokens: 8_192 } },
};

export class Stage {
  ledger = new MemoryLedger(0n);
  /** That reached the provider in the last gated run. */
  requests = 0;
  readonly #simulator = new ProviderSimulator({
    outputTokens: { min: 40, max: 90 },
    tokensPerPiece: 4,
    now: () => NOW_UNIX_MS,
  });
  #providers = "";
  #urls = { http1: "", http2: "" };
  #gated: GatedProcess | undefined;

  async open(libraries: readonly Library[]): Promise<void> {
    for (const library of libraries) library.patch?.();
    this.#urls = { http1: await this.#simulator.start(), http2: await this.#simulator.startHttp2() };
  }

  async close(): Promise<void> {
    await this.#simulator.stop();
  }

  /** An unspent budget. */
  reset(limit = PLENTY_NANO_USD): void {
    this.ledger = new MemoryLedger(limit);
    this.ledger.prices = [HOUSE_PRICES];
  }

  /** Its requests are those of a provider that is known by its host, as they are in reality. */
  play({ provider }: Pick<Library, "provider">): void {
    this.#providers = Object.values(this.#urls)
      .map((url) => `${provider}=${url}`)
      .join(",");
  }

  /** Nobody knows whose host it is. */
  playUnlisted(): void {
    this.#providers = "";
  }

  startGate(): GatedProcess {
    this.#gated = startGatedProcess({ transport: this.ledger, env: { TOLLGATE_PROVIDERS: this.#providers } });
    registerWire(new Wire(this.#gated.gate));
    return this.#gated;
  }

  /** Ends the gated process; what its spans say can be read on. */
  async leave(): Promise<void> {
    registerWire(undefined);
    await this.#gated?.stop();
  }

  get spans(): readonly ReadableSpan[] {
    return this.#gated?.spans() ?? [];
  }

  /** What the provider has billed. */
  paid(): bigint {
    return BigInt(this.#simulator.count().nano_usd);
  }

  async idle(): Promise<void> {
    const isIdle = () => this.#simulator.count().in_flight === 0;
    await waitFor(isIdle, { what: "the provider", timeoutMs: 60_000 });
  }

  async untilInFlight(): Promise<void> {
    const isWorking = () => this.#simulator.count().in_flight === 1;
    await waitFor(isWorking, { what: "the request", timeoutMs: 60_000 });
  }

  /** Of its API; no request is made. */
  hasStreams(library: Library): boolean {
    return library.client("http://127.0.0.1").stream !== undefined;
  }

  get url(): string {
    return this.#urls.http1;
  }

  clientOf(library: Library, options: ClientOptions = {}): LibraryClient {
    return library.client(library.speaksHttp2 === true ? this.#urls.http2 : this.#urls.http1, options);
  }

  /** What the provider billed for `work` in a gated process, after everything has been counted. */
  async billedFor(work: () => Promise<unknown>): Promise<{ readonly seen: unknown; readonly billed: bigint }> {
    const before = this.#simulator.count();
    this.#simulator.forgetAttempts();
    this.startGate();
    const seen = await work();
    await this.idle();
    await this.leave();
    this.requests = this.#simulator.count().requests - before.requests;
    return { seen, billed: this.paid() - BigInt(before.nano_usd) };
  }
}
