import type { Span } from "./span.ts";
import { spanCondition, type SpanCondition } from "./span-expression.ts";

/** Told once for each condition, the first time that it can't be evaluated. */
export type OnConditionError = (failure: { readonly condition: string; readonly reason: string }) => void;

/** Conditions over spans in their order. One that can't be evaluated is not met, and its author hears of it once. */
export class ConditionSet {
  readonly #conditions: readonly SpanCondition[];
  readonly #onError: OnConditionError;
  readonly #complained = new Set<number>();

  constructor(sources: readonly string[], onError: OnConditionError) {
    this.#conditions = sources.map((source) => spanCondition(source));
    this.#onError = onError;
  }

  /** Place of the first condition that the span meets; `undefined` when it meets none. */
  firstMet(span: Span): number | undefined {
    for (let index = 0; index < this.#conditions.length; index += 1) {
      const condition = this.#conditions[index];
      const outcome = condition?.test(span);
      if (outcome?.kind === "met") return index;
      if (outcome?.kind === "error") this.#complain(index, outcome.reason);
    }
    return undefined;
  }

  #complain(index: number, reason: string): void {
    if (this.#complained.has(index)) return;
    this.#complained.add(index);
    this.#onError({ condition: this.#conditions[index]?.source ?? "", reason });
  }
}
