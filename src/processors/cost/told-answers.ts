/**
 * One call to a model, told by two instrumentations whose spans do not stand inside each other: LangChain's callbacks make spans
 * that are nobody's parent, so the SDK's span of the same call is elsewhere, in another trace. What both have is the provider's id
 * of the answer. An answer that one scope of an agent has told of is not another scope's to tell again; the same scope tells of a
 * new call each time, which keeps apart what a test's provider gives one id to. Bounded and in memory, as `NestedCalls` is.
 * Nearly every agent has one instrumentation: until a second one tells of a call, its latest answers are only noted.
 */
import { ATTR_GEN_AI_RESPONSE_ID } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../pdata/attribute-read.ts";
import { IDENTITY_WORDS, IdentityCell } from "../../pdata/identity.ts";
import { RecentIdentities } from "../../pdata/recent-identities.ts";
import type { Span } from "../../pdata/span.ts";
import { RecentMap } from "../../support/recent-map.ts";
import { shortKey } from "../../support/short-key.ts";

type Telling = Pick<Span, "attributes" | "facts" | "scope">;

interface Teller {
  readonly facts: Pick<Span["facts"], "agent">;
  readonly scope: Pick<Span["scope"], "name">;
}

/** So many of the latest are always known. */
const ANSWERS_MAX = 8_192;
/** Shorter ids are no provider's: some local servers draw them from a thousand. */
const ID_LENGTH_MIN = 16;
/** Agents that are known to have one scope, and answers of each that are noted for when a second one comes. */
const AGENTS_MAX = 1_024;
const NOTED_MAX = 64;
/** Between the parts of a key; in no name and no id. */
const SEPARATOR = 0x1_0000;

interface Answer {
  readonly id: string;
  readonly hasUsage: boolean;
}

interface Agent {
  /** The one that tells of its calls; `undefined` once there are several. */
  scope: string | undefined;
  /** A ring. */
  readonly noted: Answer[];
  count: number;
}

export class ToldAnswers {
  readonly #agents = new RecentMap<string, Agent>(AGENTS_MAX);
  /** Answer of an agent → whether the span that was counted had usage. */
  readonly #answers = new RecentIdentities(ANSWERS_MAX);
  /** The same with the scope that was counted. */
  readonly #tellers = new RecentIdentities(ANSWERS_MAX);
  readonly #answer = new IdentityCell();
  readonly #teller = new IdentityCell();

  /** Counts what the span tells, whoever else has. */
  count(span: Telling): void {
    const answer = answerOf(span);
    if (answer !== undefined && !this.#isNoted(span, answer)) this.#count(span, answer);
  }

  /** Counts what the span tells unless another scope has told it, knowing as much. True when it was. */
  countFirst(span: Telling): boolean {
    const answer = answerOf(span);
    if (answer === undefined || this.#isNoted(span, answer)) return true;
    this.#point(span, answer.id);
    const told = this.#tellers.get(this.#teller) === undefined ? this.#answers.get(this.#answer) : undefined;
    if (told !== undefined && (told || !answer.hasUsage)) return false;
    this.#count(span, answer);
    return true;
  }

  /** True, and that is all, for the answer of an agent of which one scope only has told. */
  #isNoted({ facts, scope }: Telling, answer: Answer): boolean {
    const name = shortKey(facts.agent);
    const scopeName = shortKey(scope.name);
    const agent = this.#agents.get(name);
    if (agent === undefined) {
      this.#agents.set(name, { scope: scopeName, noted: [answer], count: 1 });
      return true;
    }
    if (agent.scope === scopeName) {
      agent.noted[agent.count % NOTED_MAX] = answer;
      agent.count += 1;
      return true;
    }
    if (agent.scope !== undefined) {
      const first = { facts, scope: { name: agent.scope } };
      for (const earlier of agent.noted) this.#count(first, earlier);
      agent.scope = undefined;
      agent.noted.length = 0;
    }
    return false;
  }

  #count(teller: Teller, { id, hasUsage }: Answer): void {
    this.#point(teller, id);
    this.#answers.set(this.#answer, hasUsage);
    this.#tellers.set(this.#teller, hasUsage);
  }

  #point({ facts, scope }: Teller, id: string): void {
    this.#answer.words.fill(0);
    mixIn(this.#answer.words, facts.agent);
    mixIn(this.#answer.words, id);
    this.#teller.words.set(this.#answer.words);
    mixIn(this.#teller.words, shortKey(scope.name));
  }
}

/** `undefined` where the span names no answer. */
function answerOf({ attributes, facts }: Telling): Answer | undefined {
  const id = textAttribute(attributes, ATTR_GEN_AI_RESPONSE_ID);
  return id.length < ID_LENGTH_MIN ? undefined : { id: shortKey(id), hasUsage: facts.hasUsage };
}

/** Not against those who choose texts: an agent could only hide calls of its own, which it need not tell of at all. */
function mixIn(words: Int32Array, text: string): void {
  for (let index = 0; index <= text.length; index += 1) {
    const code = index === text.length ? SEPARATOR : text.charCodeAt(index);
    const at = index % IDENTITY_WORDS;
    const before = words[(at + IDENTITY_WORDS - 1) % IDENTITY_WORDS] ?? 0;
    const mixed = Math.imul((words[at] ?? 0) ^ before ^ code, 0x9e3779b1);
    words[at] = mixed ^ (mixed >>> 15);
  }
}
