/** Why a condition has no value; the message is one line in the user's words and never longer than a log line. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";

  constructor(message: string) {
    super(message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}…` : message);
  }
}

/** The work that a decision may cost is used up. Nothing in a condition can catch it. */
export class WorkExceeded extends EvaluationError {}

const MESSAGE_LENGTH_MAX = 200;

/** Units of work for all conditions of one decision: some nanoseconds each, at worst fifty, 1 to 6 ms in all. */
const WORK_MAX = 120_000;

/** Counts what evaluation costs, before it is done, so that no argument and no condition keeps the process busy. */
export class Meter {
  #left: number;

  constructor(units: number = WORK_MAX) {
    this.#left = units;
  }

  /** Throws `WorkExceeded` when this is more than what is left. */
  charge(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new WorkExceeded("the arguments are too large for it");
  }

  /** For work that goes through a text once. */
  chargeText(text: string): void {
    this.charge(text.length >> 3);
  }
}
