/**
 * One call to a model, told by two instrumentations of which one names no answer (OpenLLMetry's of LangChain), so that neither place
 * nor id joins their spans. What is left is that one stands around the other in time, with the same model and the same tokens in and
 * out, in the same process of the same agent, and that each span has one such partner at most: two calls that are alike are told by
 * four spans. Embeddings are left out: chunks of a text have one length. Bounded and in memory, as `NestedCalls` is.
 */
import { ATTR_GEN_AI_RESPONSE_ID } from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { hasAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import { endUnixMs, startUnixMs } from "../../pdata/span-times.ts";
import type { Span } from "../../pdata/span.ts";
import { RecentMap } from "../../support/recent-map.ts";
import { shortKey } from "../../support/short-key.ts";
import { SingleTellers, type Teller } from "./single-tellers.ts";

type Telling = Pick<Span, "attributes" | "facts" | "resource" | "scope" | "spanId" | "startUnixNano" | "endUnixNano">;

/** Kinds of calls, by agent, model and tokens, and the latest of each, that are always known. */
const KINDS_MAX = 8_192;
const CALLS_A_KIND_MAX = 64;
const NOTED_MAX = 64;
/** A span's start is a whole millisecond in JavaScript, and its end that and a length: both may be one too early, of either span. */
const SLACK_MS = 2;
const RESPONSE_ID = AttributeKey.of(ATTR_GEN_AI_RESPONSE_ID);
const INSTANCE = AttributeKey.of("service.instance.id");

/** A call that was counted. */
interface Call {
  model: string;
  inputTokens: number;
  outputTokens: number;
  startMs: number;
  endMs: number;
  hasAnswerId: boolean;
  /** `""` where it is not known. */
  instance: string;
  /** The span that was counted; `""` where it is not known. */
  spanId: string;
  /** Scopes that have told of it, the counted one among them, with their spans. */
  tellers: readonly { readonly scope: string; readonly spanId: string }[];
}

/** The latest calls of an agent with one scope. The places are used again: a span leaves nothing behind. */
class Noted {
  readonly calls: Call[] = [];
  #next = 0;

  /** The place of the oldest. */
  place(): Call {
    const call = (this.calls[this.#next] ??= newCall());
    this.#next = (this.#next + 1) % NOTED_MAX;
    return call;
  }
}

export class ToldUsage {
  readonly #singles = new SingleTellers<Noted>(
    () => new Noted(),
    (teller, noted) => {
      for (const call of noted.calls) this.#add(teller, { ...call, tellers: [{ scope: teller.scope, spanId: "" }] });
    },
  );
  readonly #kinds = new RecentMap<string, Call[]>(KINDS_MAX);

  /** Counts what the span tells, whoever else has. */
  count(span: Telling): void {
    if (!isTelling(span)) return;
    const teller = tellerOf(span);
    const noted = this.#singles.notedOf(teller);
    if (noted === undefined) this.#add(teller, callOf(span, teller));
    else read(span, noted.place());
  }

  /** Counts what the span tells unless it is the partner of a call of another scope. True when it was counted. */
  countFirst(span: Telling): boolean {
    if (!isTelling(span)) return true;
    const teller = tellerOf(span);
    const noted = this.#singles.notedOf(teller);
    if (noted !== undefined) {
      read(span, noted.place());
      return true;
    }
    const call = callOf(span, teller);
    const partner = this.#partnerOf(call, teller);
    if (partner === undefined) {
      this.#add(teller, call);
      return true;
    }
    // A batch that is sent again comes out as it did.
    if (partner.spanId === call.spanId) return true;
    if (!tells(partner, call.spanId)) partner.tellers = [...partner.tellers, ...call.tellers];
    return false;
  }

  /** Of several that are alike the one that ended nearest: an instrumentation's span ends with the one inside of it. */
  #partnerOf(call: Call, teller: Teller): Call | undefined {
    let nearest: Call | undefined;
    for (const other of this.#kinds.get(kindOf(teller, call)) ?? []) {
      if (tells(other, call.spanId)) return other;
      if (!arePartners(call, other) || other.tellers.some(({ scope }) => scope === teller.scope)) continue;
      if (nearest === undefined || distance(call, other) < distance(call, nearest)) nearest = other;
    }
    return nearest;
  }

  #add(teller: Teller, call: Call): void {
    const calls = this.#kinds.getOr(kindOf(teller, call), () => []);
    if (calls.length >= CALLS_A_KIND_MAX) calls.shift();
    calls.push(call);
  }
}

function isTelling({ facts }: Telling): boolean {
  return facts.outputTokens > 0 && facts.inputTokens > 0;
}

function tellerOf({ facts, scope }: Telling): Teller {
  return { agent: shortKey(facts.agent), scope: shortKey(scope.name) };
}

function newCall(): Call {
  const none = { model: "", inputTokens: 0, outputTokens: 0, startMs: 0, endMs: 0 };
  return { ...none, hasAnswerId: false, instance: "", spanId: "", tellers: [] };
}

/** With the process, which is not read where there is one instrumentation. */
function callOf(span: Telling, { scope }: Teller): Call {
  const call = newCall();
  read(span, call);
  call.instance = shortKey(textAttribute(span.resource.attributes, INSTANCE));
  call.spanId = span.spanId;
  call.tellers = [{ scope, spanId: span.spanId }];
  return call;
}

function read(span: Telling, call: Call): void {
  const { facts } = span;
  call.model = shortKey(facts.requestModel || facts.model);
  call.inputTokens = facts.inputTokens;
  call.outputTokens = facts.outputTokens;
  call.startMs = startUnixMs(span);
  call.endMs = endUnixMs(span);
  call.hasAnswerId = hasAttribute(span.attributes, RESPONSE_ID);
}

function kindOf({ agent }: Teller, { model, inputTokens, outputTokens }: Call): string {
  return `${agent}\n${model}\n${inputTokens}\n${outputTokens}`;
}

function arePartners(one: Call, other: Call): boolean {
  // Where both name their answers, these tell whether it is one call.
  if (one.hasAnswerId && other.hasAnswerId) return false;
  if (one.instance !== "" && other.instance !== "" && one.instance !== other.instance) return false;
  return isAround(one, other) || isAround(other, one);
}

function isAround(outer: Call, inner: Call): boolean {
  return outer.startMs - SLACK_MS <= inner.startMs && inner.endMs <= outer.endMs + SLACK_MS;
}

function tells({ tellers }: Call, id: string): boolean {
  return tellers.some(({ spanId }) => spanId === id);
}

function distance(one: Call, other: Call): number {
  return Math.abs(one.endMs - other.endMs);
}
