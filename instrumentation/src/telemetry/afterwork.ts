/**
 * What a call leaves to do when its app has waited long enough: before its request is on its way, and once its answer is there. It is
 * done for some calls together, while the code for it is in the caches: alone, each call would pay for bringing it there. When enough of
 * them wait, it is done two turns of the event loop later: by then a process that makes one call after the other has sent the next request
 * and waits for the provider. Few calls do not wait long.
 *
 * Whoever needs to see it done (a purse that runs short, a flush, the end of the process) has it done at once.
 */
import { setImmediate, setTimeout } from "node:timers";

/** Something that has put off a part of its work. */
export interface PutOff {
  /** Does what was put off until now, in its order. Never throws. */
  catchUp(): void;
}

/** As many as are worked off together. */
const TOGETHER = 8;
/** Fewer wait so long at the most. */
const WAIT_MS_MAX = 10;
/** More than so many in one turn are worked off at once. */
const WAITING_MAX = 256;

export class Afterwork {
  #waiting: PutOff[] = [];
  #isDue = false;
  #isTimed = false;

  readonly #onTurn = (): void => void setImmediate(this.#onNextTurn);
  readonly #onNextTurn = (): void => {
    this.#isDue = false;
    this.catchUp();
  };
  readonly #onTime = (): void => {
    this.#isTimed = false;
    if (!this.#isDue) this.catchUp();
  };

  /** In the order of these. */
  add(work: PutOff): void {
    const waiting = this.#waiting.push(work);
    if (waiting >= WAITING_MAX) this.catchUp();
    else if (waiting >= TOGETHER) {
      if (this.#isDue) return;
      this.#isDue = true;
      setImmediate(this.#onTurn);
    } else if (!this.#isTimed) {
      this.#isTimed = true;
      setTimeout(this.#onTime, WAIT_MS_MAX).unref();
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
