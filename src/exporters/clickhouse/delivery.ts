/**
 * Takes blocks from the spool in order, one at a time, and forgets each only when ClickHouse has its rows and the ledger
 * its spend. Both are idempotent by the block's token, so whatever fails in between is simply done again.
 * A block that ClickHouse refuses for good does not hold up the others: it is set aside, its spend still counts.
 */
import type { StoredBlock } from "../../pipeline/spool/block-store.ts";
import type { Spool } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { ClickhouseExporterDependencies, SpendObservation } from "./dependencies.ts";

const TABLE = "span_log";

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly config: ClickhouseExporterConfig;
  readonly dependencies: ClickhouseExporterDependencies;
}

/** `poison`: the rows will never be in the table. `aborted`: nobody knows yet. */
type InsertResult =
  | { readonly kind: "inserted" }
  | { readonly kind: "poison"; readonly reason: string }
  | { readonly kind: "aborted" };

export class Delivery {
  readonly #spool: Spool;
  readonly #config: ClickhouseExporterConfig;
  readonly #dependencies: ClickhouseExporterDependencies;
  readonly #backoff: Backoff;
  /** What the ledger was told, by token: true once it has it. */
  readonly #observed = new Map<string, Promise<boolean>>();
  readonly #aborted = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#spool = options.spool;
    this.#config = options.config;
    this.#dependencies = options.dependencies;
    const { initial_interval_ms, max_interval_ms } = options.config.retry_on_failure;
    this.#backoff = new Backoff({ initialMs: initial_interval_ms, maxMs: max_interval_ms });
  }

  /** Tells the ledger at once, without waiting for ClickHouse. */
  observe(observation: SpendObservation): void {
    this.#observed.set(observation.token, this.#tellLedger(observation));
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends when the closed spool is empty, or after `drain_timeout_ms`; an insert that runs is waited for. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const cancel = this.#dependencies.clock.setTimer(this.#config.drain_timeout_ms, () => this.#aborted.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    for (let block = await this.#spool.oldest(); block !== undefined; block = await this.#spool.oldest()) {
      if (this.#aborted.signal.aborted) return;
      try {
        await this.#deliver(block);
      } catch (error) {
        this.#notifyRetry("block_delivery_failed", block, error);
        await this.#pause();
      }
    }
  }

  /** Ends early, with the block still in the spool, only when the delivery is aborted. */
  async #deliver(stored: StoredBlock): Promise<void> {
    const block = await this.#spool.payload(stored);
    if (block === undefined) return;
    const insert = await this.#insert(stored, block.payload);
    if (insert.kind === "aborted") return;
    if (!(await this.#observation({ token: block.token, entries: block.spend }))) return;
    if (insert.kind === "inserted") await this.#spool.delivered(stored);
    else await this.#spool.giveUp(stored, "poison", insert.reason);
    this.#observed.delete(stored.token);
    this.#backoff.reset();
  }

  async #insert(stored: StoredBlock, bytes: Uint8Array): Promise<InsertResult> {
    const { storage } = this.#dependencies;
    let permanentAttempts = 0;
    while (!this.#aborted.signal.aborted) {
      try {
        await storage.insertNative({ table: TABLE, token: stored.token, bytes });
        return { kind: "inserted" };
      } catch (error) {
        if (storage.isPermanent(error)) permanentAttempts += 1;
        if (permanentAttempts >= this.#config.retry_on_failure.permanent_attempts) {
          return { kind: "poison", reason: messageOf(error) };
        }
        this.#notifyRetry("insert_failed", stored, error);
        await this.#pause();
      }
    }
    return { kind: "aborted" };
  }

  /** True once the ledger has it; false only when the delivery is aborted. */
  async #observation(observation: SpendObservation): Promise<boolean> {
    while (!(await (this.#observed.get(observation.token) ?? Promise.resolve(false)))) {
      if (this.#aborted.signal.aborted) return false;
      await this.#pause();
      this.observe(observation);
    }
    return true;
  }

  async #tellLedger(observation: SpendObservation): Promise<boolean> {
    if (observation.entries.length === 0) return true;
    try {
      await this.#dependencies.observe(observation);
      return true;
    } catch (error) {
      const fields = { token: observation.token, reason: messageOf(error) };
      this.#dependencies.notify({ level: "error", event: "observe_failed", fields });
      return false;
    }
  }

  #notifyRetry(event: string, block: StoredBlock, error: unknown): void {
    const fields = { block: block.name, spans: block.rowCount, reason: messageOf(error) };
    this.#dependencies.notify({ level: "warn", event, fields });
  }

  /** Waits by the backoff, or until the delivery is aborted. */
  async #pause(): Promise<void> {
    const { signal } = this.#aborted;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#dependencies.clock.setTimer(this.#backoff.next(), resolve);
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    await promise;
    signal.removeEventListener("abort", onAbort);
    cancel();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
