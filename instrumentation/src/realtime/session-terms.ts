/** What a session says of the responses in it: as the provider tells, and as the app has asked for and the provider has not told yet. */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

/** More wishes than that nobody has open at once: the oldest have taken hold, or been refused. */
const WISHES_MAX = 16;

/** Pure. */
export class SessionTerms {
  readonly #model: string;
  #session: Body;
  #wishes: readonly Body[] = [];

  /** `model` as the address of the session names it. */
  constructor({ model, isTranscription }: { readonly model: string; readonly isTranscription: boolean }) {
    this.#model = model;
    this.#session = isTranscription ? { type: "transcription" } : {};
  }

  /** The app asks for another session. */
  asked(wish: Body): void {
    this.#wishes = [...this.#wishes, wish].slice(-WISHES_MAX);
  }

  /** The provider says what the session is; `isReply` to what was asked for. */
  told(session: Body, { isReply }: { readonly isReply: boolean }): void {
    this.#session = session;
    if (isReply) this.#wishes = this.#wishes.slice(1);
  }

  /** Of a response that is asked for now, behind all that was asked before. */
  get latest(): Body {
    return this.#bounds(this.#states().at(-1) ?? this.#session);
  }

  /** Of one that the provider starts by itself: which state holds by then nobody knows, so the longest answer of all of them. */
  get widest(): Body {
    const states = this.#states();
    const [first = this.#session, ...rest] = states;
    return this.#bounds(rest.reduce((widest, state) => (lengthOf(state) > lengthOf(widest) ? state : widest), first));
  }

  /** Whether it may answer what was said without being asked. */
  get answersByItself(): boolean {
    return this.#states().some(answersByItself);
  }

  /** As it is, and as it will be with each wish. */
  #states(): readonly Body[] {
    const states = [this.#session];
    for (const wish of this.#wishes) states.push(merged(states.at(-1) ?? {}, wish));
    return states;
  }

  #bounds(session: Body): Body {
    const { max_output_tokens: bound, max_response_output_tokens: betaBound } = session;
    return {
      // Which the provider alone names: no wish changes it.
      model: asText(this.#session["model"]) ?? this.#model,
      ...(bound !== undefined && { max_output_tokens: bound }),
      ...(betaBound !== undefined && { max_response_output_tokens: betaBound }),
    };
  }
}

function lengthOf(session: Body): number {
  return asCount(session["max_output_tokens"]) ?? asCount(session["max_response_output_tokens"]) ?? Infinity;
}

/** Voice detection is on unless the session says otherwise, and answers unless it is told not to. */
function answersByItself(session: Body): boolean {
  if (session["type"] === "transcription") return false;
  const input = asBody(asBody(session["audio"])?.["input"]);
  const detection = input === undefined ? session["turn_detection"] : input["turn_detection"];
  return detection !== null && asBody(detection)?.["create_response"] !== false;
}

/** What a wish does not name stays as it is (https://platform.openai.com/docs/api-reference/realtime-client-events/session/update). */
function merged(session: Body, wish: Body): Body {
  const audio = asBody(wish["audio"]);
  if (audio === undefined) return { ...session, ...wish };
  const before = asBody(session["audio"]);
  const input = asBody(audio["input"]);
  return {
    ...session,
    ...wish,
    audio: { ...before, ...audio, ...(input !== undefined && { input: { ...asBody(before?.["input"]), ...input } }) },
  };
}
