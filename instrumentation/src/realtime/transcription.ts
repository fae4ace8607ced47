/**
 * What a session writes down of what it hears: the work of a model of its own, billed apart from the responses
 * (https://platform.openai.com/docs/api-reference/realtime-server-events/conversation/item/input_audio_transcription/completed).
 * Nobody can stop it once the sound is sent, so money for it is in hand before. One call covers the sound up to the next that
 * is committed, and ends when all that was said in it is written down. Pure but for the calls.
 */
import { addUsage } from "../gate/add-usage.ts";
import { NO_USAGE } from "../gate/call-bound.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";

export interface TranscriptionOptions {
  readonly endpoint: Endpoint;
  /** `undefined`: the gate has failed inside and calls go all the same. */
  readonly start: (body: Body) => GatedCall | undefined;
  /** Whether the session does nothing else, so that a model transcribes even where nobody has named it yet. */
  readonly isSession: boolean;
}

/** Sound that one call pays for. */
interface Cover {
  readonly call: GatedCall;
  /** Said in it, and not written down yet. */
  readonly items: Set<string>;
  answer: AnswerFacts | undefined;
  /** What was written down without a count: the call counts as reserved. */
  isUncounted: boolean;
}

export class Transcription {
  readonly #options: TranscriptionOptions;
  /** As the session says, or as the app has asked for and the session has not said yet. */
  #model: string | undefined;
  #unconfirmed = 0;
  /** Pays for the sound that is sent now. */
  #hearing: Cover | undefined;
  readonly #writing = new Map<string, Cover>();
  /** Items whose call is only being admitted, because several were said in one piece of sound. */
  readonly #admitting = new Map<string, Promise<void>>();
  #wasSpoken = false;
  #isClosed = false;

  constructor(options: TranscriptionOptions) {
    this.#options = options;
    if (options.isSession) this.#model = "";
  }

  /** The app asks for another session: it counts from here on, as nobody knows when it takes hold. */
  asked(session: Body): void {
    this.#unconfirmed += 1;
    this.#model = modelOf(session) ?? this.#model;
  }

  /** The provider says what the session is; `isReply` to what was asked for. */
  told(session: Body, { isReply }: { readonly isReply: boolean }): void {
    if (isReply) this.#unconfirmed = Math.max(0, this.#unconfirmed - 1);
    const model = modelOf(session);
    if (model !== undefined) this.#model = model;
    else if (this.#unconfirmed === 0) this.#model = this.#options.isSession ? "" : undefined;
  }

  /** Whether sound has to wait until there is money for what it says. */
  get needsMoney(): boolean {
    return this.#model !== undefined && (this.#hearing === undefined || this.#hearing.call.stopped !== undefined);
  }

  /** Sets money aside for the sound that comes. Throws the typed errors. */
  async arm(): Promise<void> {
    // Sound before it may have brought some.
    if (!this.needsMoney) return;
    const cover = await this.#admit();
    if (cover === undefined) return;
    if (this.#isClosed) {
      // The sound will not go.
      cover.call.releaseAttempt();
      cover.call.end(new Error(CLOSED));
      return;
    }
    const before = this.#hearing;
    this.#hearing = cover;
    if (before !== undefined) this.#close(before);
  }

  /** Somebody speaks: what the call pays for is under way. */
  spoken(): void {
    this.#wasSpoken = true;
  }

  /** What was said up to here is an item now. */
  committed(item: string): void {
    this.#wasSpoken = false;
    const cover = this.#hearing ?? [...this.#writing.values()].at(-1);
    this.#hearing = undefined;
    if (cover !== undefined) this.#writes(item, cover);
    else if (this.#model !== undefined) this.#catchUp(item);
  }

  /** An item is written down (`usage`: what it took), or could not be and costs nothing. */
  written(item: string, event: Body, { isFailed }: { readonly isFailed: boolean }): void {
    const admitting = this.#admitting.get(item);
    if (admitting !== undefined) void admitting.then(() => this.#finish(item, event, isFailed));
    else this.#finish(item, event, isFailed);
  }

  /** What was heard and not written down yet counts as reserved. */
  closed(): void {
    this.#isClosed = true;
    for (const cover of new Set(this.#writing.values())) cover.call.end(new Error(CLOSED));
    this.#writing.clear();
    // Behind what was told of them already.
    for (const [item, admitting] of this.#admitting)
      void admitting.then(() => this.#writing.get(item)?.call.end(new Error(CLOSED)));
    const hearing = this.#hearing;
    this.#hearing = undefined;
    if (hearing === undefined) return;
    if (!this.#wasSpoken) hearing.call.releaseAttempt();
    hearing.call.end(new Error(CLOSED));
  }

  async #admit(): Promise<Cover | undefined> {
    const call = this.#options.start({ model: this.#model });
    if (call === undefined) return undefined;
    await call.begin();
    return { call, items: new Set(), answer: undefined, isUncounted: false };
  }

  #writes(item: string, cover: Cover): void {
    cover.items.add(item);
    this.#writing.set(item, cover);
  }

  /** One piece of sound held more than one utterance: the provider is at it already. A refusal is on its own span. */
  #catchUp(item: string): void {
    const admitting = this.#admit()
      .then((cover) => {
        if (cover !== undefined) this.#writes(item, cover);
      })
      .catch(() => {})
      .finally(() => this.#admitting.delete(item));
    this.#admitting.set(item, admitting);
  }

  #finish(item: string, event: Body, isFailed: boolean): void {
    const cover = this.#writing.get(item);
    if (cover === undefined) return;
    this.#writing.delete(item);
    cover.items.delete(item);
    if (!isFailed) {
      const answer = this.#options.endpoint.readAnswer(event);
      const usage = addUsage(cover.answer?.usage ?? NO_USAGE, answer.usage ?? NO_USAGE);
      cover.isUncounted ||= answer.usage === undefined;
      cover.answer = { ...answer, usage };
    }
    if (cover.items.size === 0) this.#close(cover);
  }

  #close({ call, answer, isUncounted }: Cover): void {
    if (answer === undefined) call.releaseAttempt();
    else call.settleBy(() => (isUncounted ? { ...answer, usage: undefined } : answer));
    call.end();
  }
}

const CLOSED = "the session was closed";

/** `undefined`: the session transcribes nothing, or does not say. The second way is the API's beta. */
function modelOf(session: Body): string | undefined {
  const input = asBody(asBody(session["audio"])?.["input"]);
  const transcription = asBody(input?.["transcription"]) ?? asBody(session["input_audio_transcription"]);
  return transcription === undefined ? undefined : (asText(transcription["model"]) ?? "");
}
