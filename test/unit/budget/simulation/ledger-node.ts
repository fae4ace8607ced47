/**
 * The ledger under simulation: the real engine, the real frames and snapshots, on a disk of bytes that loses what was not
 * synced. `crash` may leave part of the last write behind, or all of it although nobody was told.
 */
import { encodeFrame, readFrame } from "../../../../src/budget/local/frame.ts";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { AcquireOutcome } from "../../../../src/budget/ledger.ts";
import { applyEvent } from "../../../../src/budget/rules/apply.ts";
import { LedgerEngine, type Step } from "../../../../src/budget/rules/engine.ts";
import { decodeEvent, encodeEvent, type LedgerEvent } from "../../../../src/budget/rules/events.ts";
import { LedgerState } from "../../../../src/budget/rules/state.ts";
import type { Random } from "../../../support/random.ts";

export const TTL_MS = 30_000;
export const GRACE_MS = 900_000;

export interface Effects {
  readonly answer: (ticket: number, outcome: AcquireOutcome) => void;
  /** What was done before call number `done` is durable. */
  readonly durable: (done: number) => void;
  readonly recall: (processId: string, leaseIds: readonly string[]) => void;
}

export class LedgerNode {
  readonly #effects: Effects;
  #engine: LedgerEngine;
  #snapshot: readonly string[] | undefined;
  #disk: Buffer[] = [];
  #unsynced: { lines: string[]; answers: Step["answers"]; call: number }[] = [];
  crashes = 0;

  constructor(budgets: readonly Budget[], nowMs: number, effects: Effects) {
    this.#effects = effects;
    this.#engine = new LedgerEngine(new LedgerState(), { recallIntervalMs: 200 });
    this.#begin(budgets, nowMs);
  }

  get state(): LedgerState {
    return this.#engine.state;
  }

  get waiting(): number {
    return this.#engine.waiting;
  }

  get wakeAtMs(): number {
    return this.#engine.wakeAtMs();
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  /** Runs one command; its answers leave with the next `flush`. `call` is told durable then. */
  run(call: number, command: (engine: LedgerEngine) => Step): void {
    const step = command(this.#engine);
    for (const [processId, ids] of step.recalls) this.#effects.recall(processId, ids);
    this.#unsynced.push({ lines: step.events.map(encodeEvent), answers: step.answers, call });
  }

  flush(): void {
    const group = this.#unsynced.splice(0);
    this.#append(group.flatMap(({ lines }) => lines));
    for (const { answers, call } of group) {
      this.#effects.durable(call);
      for (const { ticket, outcome } of answers) this.#effects.answer(ticket, outcome);
    }
  }

  /** As the journal does at the end of a segment. */
  snapshot(): void {
    this.flush();
    this.#snapshot = snapshotLines(this.state);
    this.#disk = [];
  }

  /** Everything in memory is gone; of the write under way any part may be on disk. */
  crash(random: Random, budgets: readonly Budget[], nowMs: number): void {
    const lines = this.#unsynced.splice(0).flatMap((group) => group.lines);
    if (lines.length > 0 && random.chance(0.7)) {
      const frame = encodeFrame(lines.join("\n"));
      const kept = Buffer.from(frame.subarray(0, random.between(0, frame.length)));
      if (random.chance(0.3) && kept.length > 0) kept[random.below(kept.length)] = random.below(256);
      this.#disk.push(kept);
    }
    const { state, length } = this.replay();
    this.#disk = [Buffer.concat(this.#disk).subarray(0, length)];
    this.#engine = new LedgerEngine(state, { recallIntervalMs: 200 });
    this.#begin(budgets, nowMs);
    this.crashes += 1;
  }

  /** What a restart would know now. */
  replay(): { state: LedgerState; length: number } {
    const state = this.#snapshot === undefined ? new LedgerState() : readSnapshot(this.#snapshot);
    const disk = Buffer.concat(this.#disk);
    let offset = 0;
    for (;;) {
      const frame = readFrame(disk, offset);
      if (frame.kind === "broken" && !frame.isTail) throw new Error(`damage in the middle at ${offset}`);
      if (frame.kind !== "frame") return { state, length: offset };
      for (const line of frame.payload.split("\n")) applyEvent(state, decodeEvent(line));
      offset = frame.next;
    }
  }

  #begin(budgets: readonly Budget[], nowMs: number): void {
    const shiftMs = this.state.atMs === 0 ? 0 : nowMs - this.state.atMs;
    const events: LedgerEvent[] = [
      { event: "configured", at: nowMs, ttlMs: TTL_MS, graceMs: GRACE_MS, budgets },
      { event: "resumed", at: nowMs, shiftMs },
    ];
    for (const event of events) applyEvent(this.state, event);
    this.#append(events.map(encodeEvent));
  }

  #append(lines: readonly string[]): void {
    if (lines.length > 0) this.#disk.push(encodeFrame(lines.join("\n")));
  }
}
