import { asBody } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, StreamReader } from "../gate/endpoint.ts";
import type { TokenUsage } from "../pricing/price-book.ts";

/** Reads a stream whose last event has the usage, and of which nothing else is charged: images, sound. */
export class LastUsageReader implements StreamReader {
  readonly #readUsage: (usage: Body | undefined) => TokenUsage | undefined;
  #usage: TokenUsage | undefined;

  constructor(readUsage: (usage: Body | undefined) => TokenUsage | undefined) {
    this.#readUsage = readUsage;
  }

  read(event: unknown): unknown {
    this.#usage = this.#readUsage(asBody(asBody(event)?.["usage"])) ?? this.#usage;
    return event;
  }

  facts(): AnswerFacts {
    return { id: undefined, model: undefined, finishReasons: [], usage: this.#usage };
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return 0;
  }
}
