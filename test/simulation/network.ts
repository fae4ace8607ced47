/**
 * The way between one agent's machine and the processor: loses, doubles, delays and so reorders what goes either way, and is
 * cut off for a while. What a request gets is what HTTP would give: an answer, a refused connection, or a time-out.
 */
import type { Answer } from "../../instrumentation/src/lease/transport.ts";
import type { Random } from "../support/random.ts";
import type { Life, Machine } from "./machine.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface Weather {
  readonly lossRate: number;
  readonly doubleRate: number;
  readonly delayMs: number;
  /** One message in twenty takes up to this long. */
  readonly slowMs: number;
}

export class Network {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #server: Machine;
  /** Requests that are out, to be broken when the server goes down. */
  readonly #out = new Set<(answer: Answer<never>) => void>();
  weather: Weather;

  constructor(options: {
    readonly time: VirtualTime;
    readonly random: Random;
    readonly server: Machine;
    readonly weather: Weather;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#server = options.server;
    this.weather = options.weather;
  }

  request<Reply>(link: Link, timeoutMs: number, deliver: () => Promise<Answer<Reply>>): Promise<Answer<Reply>> {
    const { promise, resolve } = Promise.withResolvers<Answer<Reply>>();
    const end = (answer: Answer<Reply>): void => {
      cancel();
      this.#out.delete(end);
      resolve(answer);
    };
    const cancel = link.life.after(timeoutMs, () => end({ kind: "unreachable", reason: "no answer in time" }));
    this.#out.add(end);
    if (link.isCut && this.#random.chance(0.7)) {
      link.life.after(1, () => end({ kind: "unreachable", reason: "EHOSTUNREACH" }));
      return promise;
    }
    const back = (answer: Answer<Reply>): void =>
      this.#carry(link, () => link.life.machine.whenAwake(() => (link.life.isDead ? undefined : end(answer))));
    this.#carry(link, () => this.#server.whenAwake(() => void deliver().then(back)));
    return promise;
  }

  /** The world beyond goes on by the true time. Returns the function that cancels it. */
  later(ms: number, fn: () => void): () => void {
    return this.#time.after(ms, fn);
  }

  /** From the server, unasked. */
  push(link: Link, deliver: () => void): void {
    this.#carry(link, () =>
      link.life.machine.whenAwake(() => {
        if (!link.life.isDead) deliver();
      }),
    );
  }

  /** The server went down: connections break, some at once. */
  breakAll(): void {
    for (const end of this.#out) {
      if (this.#random.chance(0.8))
        this.#time.after(this.#random.below(20), () => end({ kind: "unreachable", reason: "ECONNRESET" }));
    }
  }

  /** Zero, one or two times, each after its own delay. */
  #carry(link: Link, deliver: () => void): void {
    const { lossRate, doubleRate, delayMs, slowMs } = this.weather;
    const copies = this.#random.chance(lossRate) ? 0 : this.#random.chance(doubleRate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const ms = this.#random.below(1 + (this.#random.chance(0.05) ? slowMs : delayMs));
      this.#time.after(ms, () => {
        if (!link.isCut) deliver();
      });
    }
  }
}

/** One agent process's connection. */
export interface Link {
  readonly life: Life;
  isCut: boolean;
}
