/**
 * What a call leaves to do when its app has waited long enough: before its request is on its way, and once its answer is there. It is
 * done two turns of the event loop later. By then a process that makes one call after the other has sent the next request and waits for the
 * provider; one that makes many at once does it for some of them together, while the code for it is in the caches.
 *
 * Whoever needs to see it done (a purse that runs short, a flush, the end of the process) has it done at once.
 */
import { setImmediate } from "node:timers";

/** Something that has put off a part of its work. */
export interface PutOff {
  /** Does what was put off until now, in its order. Never throws. */
  catchUp(): void;
}

/** More than so many in one turn are worked off at once. */
const WAITING_MAX = 256;

export class Afterwork {
  #waiting: PutOff[] = [];
  #isDue = false;

  readonly #onTurn = (): void => void setImmediate(this.#onNextTurn);
  readonly #onNextTurn = (): void => {
    this.#isDue = false;
    this.catchUp();
  };

  /** In the order of these. */
  add(work: PutOff): void {
    this.#waiting.push(work);
    if (this.#waiting.length >= WAITING_MAX) this.catchUp();
    else if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(this.#onTurn);
    }
  }

  /** Does all that waits, now. */
  catchUp(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const work of waiting) work.catchUp();
  }
}
