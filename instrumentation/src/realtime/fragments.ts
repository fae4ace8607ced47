/** Events that an app hands to `ws` in pieces (`fin: false`): what is in them shows only when they are together, so they go out whole. */
import type { Outgoing } from "./outbox.ts";

interface SendOptions {
  readonly fin?: boolean;
  readonly binary?: boolean;
}

type SendCallback = (error?: unknown) => void;

interface Whole {
  readonly sent: Outgoing;
  readonly options: SendOptions;
  readonly callback: SendCallback | undefined;
}

export class Fragments {
  #pieces: Buffer[] = [];
  /** Of the first piece, which say what kind of message it is. */
  #options: SendOptions = {};

  /** `rest`: options and callback, as the package takes them. `undefined`: there is more to come. */
  add(piece: Outgoing, rest: readonly unknown[]): Whole | undefined {
    const [first, second] = rest;
    const callback = (typeof first === "function" ? first : second) as SendCallback | undefined;
    const options: SendOptions = {
      binary: typeof piece !== "string",
      ...(typeof first === "function" ? {} : (first ?? {})),
    };
    const isLast = options.fin !== false;
    if (isLast && this.#pieces.length === 0) return { sent: piece, options, callback };
    if (this.#pieces.length === 0) this.#options = options;
    this.#pieces.push(Buffer.from(piece));
    if (isLast) {
      const sent = Buffer.concat(this.#pieces);
      this.#pieces = [];
      return { sent, options: { ...this.#options, fin: true }, callback };
    }
    if (callback !== undefined) queueMicrotask(callback);
    return undefined;
  }
}
