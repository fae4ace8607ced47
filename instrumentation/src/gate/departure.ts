/**
 * Whether the request of an attempt has begun to leave. Who has it and says when it begins to write is asked; anybody else may have sent it at
 * once. What is said not to have left is held back for good: nobody gets money back for a request and sends it nevertheless.
 */
export class Departure {
  #isWaitedFor = false;
  #mayHaveLeft = false;
  #isHeldBack = false;

  /** Of what has left nobody knows yet whether it is billed. */
  get mayHaveLeft(): boolean {
    return this.#mayHaveLeft;
  }

  /** Somebody has it who calls {@link begin} before it writes. */
  await(): void {
    this.#isWaitedFor = true;
  }

  /** False: its money was given back, and it must not be written. */
  begin(): boolean {
    this.#mayHaveLeft = true;
    return !this.#isHeldBack;
  }

  /** The provider answered with an error in place of a result: what has left so far is not billed. */
  refused(): void {
    this.#mayHaveLeft = false;
  }

  /** True: nothing has left, and from now on nothing will. Where nobody waits, only an error can tell that (`isNeverSent`). */
  holdBack(isNeverSent: boolean): boolean {
    if (this.#mayHaveLeft || !(this.#isWaitedFor || isNeverSent)) return false;
    this.#isHeldBack = true;
    return true;
  }
}
