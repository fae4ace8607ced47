/**
 * The other processors of a fleet, when somebody is stopped: each is told at once, pushes the act to the processes that listen
 * to it, and says who applied it. What is told may be lost; then a processor finds the act by itself within a second, and
 * whoever asked hears nothing of it.
 */
import { randomBytes } from "node:crypto";
import type { StoppedReport } from "@tollgate/instrumentation/protocol";
import type { Clock } from "../support/clock.ts";
import type { SharedRecord } from "../support/shared-record.ts";
import type { StopOutcome } from "./kill-schemas.ts";

/** What an answer may take longer than the wait for processes. */
const ANSWER_MS = 500;

export interface StopPeersOptions {
  readonly shared: SharedRecord;
  readonly clock: Clock;
}

/** What this processor does when another asks. */
export interface StopPeer {
  /** Reads the acts in force, pushes them, and waits for those who listen here. */
  readonly push: (selectors: readonly string[], waitMs: number) => Promise<StopOutcome>;
  readonly heard: (report: StoppedReport) => void;
}

export interface PeerAnswers {
  /** Other processors that heard the question. */
  readonly told: number;
  readonly outcomes: readonly StopOutcome[];
}

type Word =
  | ({ readonly word: "push"; readonly from: string; readonly ask: string } & {
      readonly selectors: readonly string[];
      readonly waitMs: number;
    })
  | { readonly word: "pushed"; readonly to: string; readonly ask: string; readonly outcome: StopOutcome }
  | { readonly word: "heard"; readonly from: string; readonly report: StoppedReport };

export class StopPeers {
  readonly #options: StopPeersOptions;
  readonly #me = randomBytes(8).toString("hex");
  /** Questions that are open, and who is told of an answer. */
  readonly #asked = new Map<string, (outcome: StopOutcome) => void>();
  #unsubscribe: () => void = () => {};

  constructor(options: StopPeersOptions) {
    this.#options = options;
  }

  start(peer: StopPeer): void {
    this.#unsubscribe = this.#options.shared.onMessage((message) => this.#hear(JSON.parse(message) as Word, peer));
  }

  stop(): void {
    this.#unsubscribe();
  }

  /** Has every other processor push what is in force. Never rejects: without the store nobody is told. */
  async ask(selectors: readonly string[], waitMs: number): Promise<PeerAnswers> {
    const ask = randomBytes(8).toString("hex");
    const outcomes: StopOutcome[] = [];
    const done = Promise.withResolvers<void>();
    let told = Number.POSITIVE_INFINITY;
    this.#asked.set(ask, (outcome) => {
      outcomes.push(outcome);
      if (outcomes.length >= told) done.resolve();
    });
    try {
      const heard = await this.#say({ word: "push", from: this.#me, ask, selectors, waitMs });
      // This processor hears itself.
      told = Math.max(0, heard - 1);
      const cancel = this.#options.clock.setTimer(waitMs === 0 ? 0 : waitMs + ANSWER_MS, done.resolve);
      if (outcomes.length < told) await done.promise;
      cancel();
      return { told, outcomes };
    } catch {
      return { told: 0, outcomes: [] };
    } finally {
      this.#asked.delete(ask);
    }
  }

  /** A process that listens to another processor has applied a list: whoever waits for it may be there. */
  forward(report: StoppedReport): void {
    this.#say({ word: "heard", from: this.#me, report }).catch(() => {});
  }

  #hear(word: Word, peer: StopPeer): void {
    switch (word.word) {
      case "push":
        if (word.from !== this.#me) void this.#answer(word, peer);
        return;
      case "pushed":
        if (word.to === this.#me) this.#asked.get(word.ask)?.(word.outcome);
        return;
      case "heard":
        if (word.from !== this.#me) peer.heard(word.report);
        return;
    }
  }

  async #answer(asked: Extract<Word, { word: "push" }>, peer: StopPeer): Promise<void> {
    const outcome = await peer.push(asked.selectors, asked.waitMs);
    // Who asked has a time-out of its own.
    await this.#say({ word: "pushed", to: asked.from, ask: asked.ask, outcome }).catch(() => {});
  }

  #say(word: Word): Promise<number> {
    return this.#options.shared.say(JSON.stringify(word));
  }
}
