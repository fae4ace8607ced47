import type { Span } from "../../pdata/span.ts";
import { NestedCalls } from "./nested-calls.ts";
import { ToldAnswers } from "./told-answers.ts";
import { ToldUsage } from "./told-usage.ts";

/** The calls that spans have told of, by their place in the trace, by the id of their answer, and by time and usage. */
export class ToldCalls {
  readonly #nested = new NestedCalls();
  readonly #answers = new ToldAnswers();
  readonly #usage = new ToldUsage();

  /** Counts a call, whoever else has told of it. */
  count(span: Span): void {
    this.#nested.count(span);
    this.#answers.count(span);
    this.#usage.count(span);
  }

  /** Counts a call unless another span of it has been counted. True when it was. */
  countFirst(span: Span): boolean {
    return this.#nested.countFirst(span) && this.#answers.countFirst(span) && this.#usage.countFirst(span);
  }
}
