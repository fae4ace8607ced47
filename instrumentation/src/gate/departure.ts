/**
 * Whether the request of an attempt has begun to leave. Who has it and says when it begins to write is asked; anybody else may have sent it at
 * once. What is said not to have left is held back for good: nobody gets money back for a request and sends it nevertheless.
 */
export class Departure {
  #isWaitedFor = false;
  #mayHaveLeft = false;
  #isHeldBack = false;

  /** Somebody has it who calls {@link begin} before it writes. */
  await(): void {
    this.#isWaitedFor = true;
  }

  /** False: its money was given back, and it must not be written. */
  begin(): boolean {
    this.#mayHaveLeft = true;
    return !this.#isHeldBack;
  }

  /** True: nothing has left, and from now on nothing will. Where nobody waits, only an error can tell that (`isNeverSent`). */
  holdBack(isNeverSent: boolean): boolean {
    if (this.#mayHaveLeft || !(this.#isWaitedFor || isNeverSent)) return false;
    this.#isHeldBack = true;
    return true;
  }
}
