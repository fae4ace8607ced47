/** Whether somebody has given a call up in its middle, and who is to know of it. */
import type { TollgateError } from "../errors.ts";

type Listener = (error: TollgateError) => void;

const NOBODY: readonly never[] = [];

export class CallStop {
  #error: TollgateError | undefined;
  #isOver = false;
  /** Nearly always one or two, and told nothing. */
  #listeners: readonly Listener[] = NOBODY;

  get error(): TollgateError | undefined {
    return this.#error;
  }

  /** Calls `listener` when somebody stops the call; at once when that has happened. */
  onStop(listener: Listener): void {
    if (this.#error !== undefined) listener(this.#error);
    else if (!this.#isOver) this.#listeners = [...this.#listeners, listener];
  }

  /** False where the call has ended, or was stopped before. */
  stop(error: TollgateError): boolean {
    if (this.#isOver || this.#error !== undefined) return false;
    this.#error = error;
    const listeners = this.#listeners;
    this.#listeners = NOBODY;
    for (const listener of listeners) listener(error);
    return true;
  }

  /** The call has ended: nobody stops it any more. */
  end(): void {
    this.#isOver = true;
    this.#listeners = NOBODY;
  }

  /** Aborts when the app gives the call up, by its own signal, or somebody stops it. */
  signalWith(own: AbortSignal | undefined): AbortSignal {
    const stopping = new AbortController();
    this.onStop((error) => stopping.abort(error));
    return own === undefined ? stopping.signal : AbortSignal.any([own, stopping.signal]);
  }
}
