/**
 * One call to a model, told by two instrumentations whose spans do not stand inside each other: LangChain's callbacks make spans
 * that are nobody's parent, so the SDK's span of the same call is elsewhere, in another trace. What both have is the provider's id
 * of the answer. An answer that one scope of an agent has told of is not another scope's to tell again; the same scope tells of a
 * new call each time, which keeps apart what a test's provider gives one id to. Bounded and in memory, as `NestedCalls` is.
 */
import { ATTR_GEN_AI_RESPONSE_ID } from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { mixAttribute } from "../../pdata/attribute-read.ts";
import { IDENTITY_WORDS, IdentityCell } from "../../pdata/identity.ts";
import { RecentIdentities } from "../../pdata/recent-identities.ts";
import type { Span } from "../../pdata/span.ts";
import { mixText } from "../../pdata/text-digest.ts";
import { shortKey } from "../../support/short-key.ts";
import { SingleTellers, type Teller } from "./single-tellers.ts";

type Telling = Pick<Span, "attributes" | "facts" | "scope">;

/** So many of the latest are always known. */
const ANSWERS_MAX = 8_192;
/** Shorter ids are no provider's: some local servers draw them from a thousand. In bytes. */
const ID_LENGTH_MIN = 16;
/** Answers of an agent with one scope that are noted for when a second one comes. */
const NOTED_MAX = 64;
const RESPONSE_ID = AttributeKey.of(ATTR_GEN_AI_RESPONSE_ID);

/** The latest answers of one agent: digests of their ids. */
class Noted {
  readonly #words = new Int32Array(NOTED_MAX * IDENTITY_WORDS);
  readonly #hasUsage: boolean[] = [];
  #count = 0;

  add({ words }: IdentityCell, hasUsage: boolean): void {
    const place = this.#count % NOTED_MAX;
    for (let index = 0; index < IDENTITY_WORDS; index += 1) {
      this.#words[place * IDENTITY_WORDS + index] = words[index] ?? 0;
    }
    this.#hasUsage[place] = hasUsage;
    this.#count += 1;
  }

  forEach(take: (id: Int32Array, hadUsage: boolean) => void): void {
    for (const [place, hadUsage] of this.#hasUsage.entries()) {
      take(this.#words.subarray(place * IDENTITY_WORDS, (place + 1) * IDENTITY_WORDS), hadUsage);
    }
  }
}

export class ToldAnswers {
  readonly #singles = new SingleTellers<Noted>(
    () => new Noted(),
    (teller, noted) => noted.forEach((id, hadUsage) => this.#count(teller, id, hadUsage)),
  );
  /** Answer of an agent → whether the span that was counted had usage. */
  readonly #answers = new RecentIdentities(ANSWERS_MAX);
  /** The same with the scope that was counted. */
  readonly #tellers = new RecentIdentities(ANSWERS_MAX);
  /** The id that is looked at, that of an agent's answer, and the same with the scope. */
  readonly #id = new IdentityCell();
  readonly #answer = new IdentityCell();
  readonly #teller = new IdentityCell();

  /** Counts what the span tells, whoever else has. */
  count(span: Telling): void {
    if (!this.#readId(span)) return;
    const teller = tellerOf(span);
    if (!this.#isNoted(teller, span.facts.hasUsage)) this.#count(teller, this.#id.words, span.facts.hasUsage);
  }

  /** Counts what the span tells unless another scope has told it, knowing as much. True when it was. */
  countFirst(span: Telling): boolean {
    if (!this.#readId(span)) return true;
    const { hasUsage } = span.facts;
    const teller = tellerOf(span);
    if (this.#isNoted(teller, hasUsage)) return true;
    this.#point(teller, this.#id.words);
    const told = this.#tellers.get(this.#teller) === undefined ? this.#answers.get(this.#answer) : undefined;
    if (told !== undefined && (told || !hasUsage)) return false;
    this.#count(teller, this.#id.words, hasUsage);
    return true;
  }

  /** False where the span names no answer. */
  #readId({ attributes }: Telling): boolean {
    this.#id.clear();
    return mixAttribute(attributes, RESPONSE_ID, this.#id.words) >= ID_LENGTH_MIN;
  }

  /** True, and that is all, for the answer of an agent of which one scope only has told. */
  #isNoted(teller: Teller, hasUsage: boolean): boolean {
    const noted = this.#singles.notedOf(teller);
    noted?.add(this.#id, hasUsage);
    return noted !== undefined;
  }

  #count(teller: Teller, id: Int32Array, hasUsage: boolean): void {
    this.#point(teller, id);
    this.#answers.set(this.#answer, hasUsage);
    this.#tellers.set(this.#teller, hasUsage);
  }

  #point({ agent, scope }: Teller, id: Int32Array): void {
    this.#answer.words.set(id);
    mixText(this.#answer.words, agent);
    this.#teller.words.set(this.#answer.words);
    mixText(this.#teller.words, scope);
  }
}

function tellerOf({ facts, scope }: Telling): Teller {
  return { agent: shortKey(facts.agent), scope: shortKey(scope.name) };
}
