/**
 * The gate in a realtime session, by the events on its socket. Each response is one call: one that the app asks for is admitted
 * before `response.create` is sent; one that the provider starts by itself when somebody has spoken is admitted before the sound
 * that it answers is sent. Its usage comes in `response.done`. What is written down of the sound is a call of another model.
 * Events stay in their order: what waits for money holds back what follows it.
 */
import { context } from "@opentelemetry/api";
import { TollgateError } from "../errors.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import type { Gate } from "../gate/gate.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { ProposedCalls } from "../gate/proposed-calls.ts";
import type { Server } from "../gate/call-span.ts";
import { observeParsed, propose } from "../stainless/observe-answer.ts";
import { startCall } from "../stainless/patch-client.ts";
import { frozen } from "../gate/frozen.ts";
import { SessionTerms } from "./session-terms.ts";
import { Transcription } from "./transcription.ts";

export interface SessionOptions {
  readonly gate: Gate;
  readonly endpoint: Endpoint;
  readonly transcription: Endpoint;
  /** The session transcribes and answers nothing, as its address says. */
  readonly isTranscription: boolean;
  /** As the address of the session names it. */
  readonly model: string;
  readonly server: Server | undefined;
  /** Sends an event of ours. */
  readonly send: (text: string) => void;
  /** Gives the app an event as if the provider had sent it. */
  readonly receive: (text: string) => void;
}

/** What was asked for by an event with this id. */
interface Asked {
  readonly eventId: string;
  readonly call: GatedCall;
}

/** Only events that say one of these are read, in plain letters or in escaped ones: sound goes by as it is. */
const SENT = /"(?:response\.create|(?:transcription_)?session\.update|input_audio_buffer\.(?:append|commit))"|\\u/;
const RECEIVED =
  /"(?:(?:transcription_)?session\.(?:created|updated)|response\.(?:created|output_item\.done|done)|error|input_audio_buffer\.(?:speech_started|committed)|conversation\.item\.input_audio_transcription\.(?:completed|failed))"/;

export class RealtimeSession {
  readonly #options: SessionOptions;
  readonly #transcription: Transcription;
  readonly #terms: SessionTerms;
  #sending: Promise<void> | undefined;
  #asked: readonly Asked[] = [];
  /** Money for the response that the provider may start by itself. */
  #armed: GatedCall | undefined;
  readonly #running = new Map<string, GatedCall>();
  /** Of responses that go on: their functions are called before they are done. */
  readonly #proposed = new Map<string, ProposedCalls>();
  /** Of responses that had begun before they could be admitted. */
  readonly #admitting = new Map<string, Promise<void>>();
  /** Somebody has spoken since the last response began: the provider may be about to answer. */
  #wasSpoken = false;
  #events = 0;
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { isTranscription, transcription: endpoint } = options;
    this.#terms = new SessionTerms(options);
    this.#transcription = new Transcription({
      endpoint,
      isSession: isTranscription,
      start: (body) => this.#start(body, endpoint),
    });
  }

  /** An event of the app: `send` sends it, or another in its place; `refuse` says that it is not sent. */
  outgoing(text: string, send: (text: string) => void, refuse: (error: unknown) => void): void {
    const admit = this.#admissionOf(text);
    if (this.#sending === undefined && admit === undefined) {
      send(text);
      return;
    }
    const before = this.#sending ?? Promise.resolve();
    const turn = before.then(async () => {
      try {
        const sent = admit === undefined ? text : await admit();
        send(sent);
      } catch (error) {
        this.#tell(error, text);
        refuse(error);
      }
    });
    this.#sending = turn;
    void turn.then(() => {
      if (this.#sending === turn) this.#sending = undefined;
    });
  }

  /** An event of the provider. Never throws. */
  incoming(text: string): void {
    if (!RECEIVED.test(text)) return;
    const event = parse(text);
    const response = asBody(event?.["response"]);
    const id = asText(response?.["id"]) ?? "";
    switch (event?.["type"]) {
      case "session.created":
      case "session.updated":
      case "transcription_session.created":
      case "transcription_session.updated":
        this.#told(event["type"], asBody(event["session"]));
        break;
      case "input_audio_buffer.speech_started":
        this.#wasSpoken = true;
        this.#transcription.spoken();
        break;
      case "input_audio_buffer.committed":
        this.#wasSpoken = true;
        this.#transcription.committed(asText(event["item_id"]) ?? "");
        break;
      case "conversation.item.input_audio_transcription.completed":
      case "conversation.item.input_audio_transcription.failed":
        this.#transcription.written(asText(event["item_id"]) ?? "", event, {
          isFailed: event["type"].endsWith("failed"),
        });
        break;
      case "response.created":
        this.#begin(id);
        break;
      case "response.output_item.done":
        this.#propose(asText(event["response_id"]) ?? "", event);
        break;
      case "response.done":
        this.#finish(id, response ?? {});
        break;
      case "error":
        this.#fail(asText(asBody(event["error"])?.["event_id"]));
        break;
      default:
        break;
    }
  }

  /** The socket is closed: what runs counts as reserved, what was never begun is given back. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = new Error("the session was closed");
    for (const call of [...this.#running.values(), ...this.#asked.map(({ call: asked }) => asked)]) {
      call.end(call.stopped ?? error);
    }
    this.#running.clear();
    this.#proposed.clear();
    this.#asked = [];
    if (!this.#wasSpoken) this.#armed?.releaseAttempt();
    this.#armed?.end(error);
    this.#armed = undefined;
    this.#transcription.closed();
  }

  #told(type: string, session: Body | undefined): void {
    if (session === undefined) return;
    const isReply = type.endsWith("updated");
    // The beta of the API does not say what kind of session it is in the session itself.
    const told = type.startsWith("transcription") ? { ...session, type: "transcription" } : session;
    this.#terms.told(told, { isReply });
    this.#transcription.told(session, { isReply });
  }

  /** `undefined`: the event costs nothing. */
  #admissionOf(text: string): (() => Promise<string>) | undefined {
    if (!SENT.test(text)) return undefined;
    const event = parse(text);
    // Whoever is less strict than we are may read in it what we can't.
    if (event === undefined) return () => Promise.reject(new Error("the event can't be read: it is no JSON object"));
    const parent = context.active();
    const inContext = (work: () => Promise<string>) => () => context.with(parent, work);
    switch (event["type"]) {
      case "response.create":
        return inContext(() => this.#ask(text, event));
      case "input_audio_buffer.append":
        // Money in hand needs no waiting.
        return !this.#needsMoney() && !this.#transcription.needsMoney
          ? undefined
          : inContext(async () => {
              // Unless sound before it has brought some.
              if (this.#needsMoney()) await this.#arm();
              await this.#transcription.arm();
              return text;
            });
      case "input_audio_buffer.commit":
        this.#transcription.spoken();
        return undefined;
      case "transcription_session.update":
      case "session.update":
        this.#terms.asked(asBody(event["session"]) ?? {});
        this.#transcription.asked(asBody(event["session"]) ?? {});
        return this.#armed === undefined
          ? undefined
          : inContext(async () => {
              // The answer to what was said already may be as long as the new bound says.
              await this.#arm();
              return text;
            });
      default:
        return undefined;
    }
  }

  async #ask(text: string, event: Body): Promise<string> {
    const response = asBody(event["response"]) ?? {};
    const terms = this.#terms.latest;
    // A session has one model, whatever the event says.
    const call = this.#start({ ...terms, ...response, model: terms["model"] }, this.#options.endpoint);
    if (call === undefined) return text;
    const plan = await call.begin();
    if (this.#isClosed) return this.#unsent(call, text);
    const bound = plan.do === "send" ? plan.body["max_output_tokens"] : undefined;
    this.#events += 1;
    const eventId = asText(event["event_id"]) ?? `tollgate_${this.#events}`;
    const isLowered = bound !== undefined && bound !== response["max_output_tokens"];
    this.#asked = [...this.#asked, { eventId, call }];
    return JSON.stringify({
      ...event,
      event_id: eventId,
      ...(isLowered && { response: { ...response, max_output_tokens: bound } }),
    });
  }

  /** Its bound is the session's, which an answer can't be asked to lower. */
  async #arm(): Promise<void> {
    const call = this.#start(this.#terms.widest, frozen(this.#options.endpoint));
    if (call === undefined) return;
    await call.begin();
    if (this.#isClosed) {
      this.#unsent(call, "");
      return;
    }
    const before = this.#armed;
    this.#armed = call;
    before?.releaseAttempt();
    before?.end(new Error("the session was changed"));
  }

  /** The socket was closed while the call was being admitted. */
  #unsent(call: GatedCall, text: string): string {
    call.releaseAttempt();
    call.end(new Error("the session was closed"));
    return text;
  }

  #start(body: Body, endpoint: Endpoint): GatedCall | undefined {
    const { gate, server } = this.#options;
    const call = startCall(gate, () => ({
      endpoint,
      body,
      facts: endpoint.readRequest(body),
      server,
      signal: undefined,
      guard: undefined,
      parent: context.active(),
    }));
    call?.onStop(() => this.#cancel(call));
    return call;
  }

  #cancel(call: GatedCall): void {
    for (const [id, running] of this.#running) {
      if (running === call) this.#options.send(JSON.stringify({ type: "response.cancel", response_id: id }));
    }
  }

  #needsMoney(): boolean {
    return this.#armed === undefined && this.#terms.answersByItself;
  }

  #begin(id: string): void {
    const [asked, ...rest] = this.#asked;
    const call = asked?.call ?? this.#armed;
    if (asked === undefined) this.#armed = undefined;
    else this.#asked = rest;
    this.#wasSpoken = false;
    if (call === undefined) this.#catchUp(id);
    else {
      // Money that was in hand before tells nothing of how long the answer took.
      if (asked !== undefined) call.firstChunk();
      this.#running.set(id, call);
      if (call.stopped !== undefined) this.#cancel(call);
    }
  }

  /** Nobody has asked for it here (somebody else in the same conversation may have): admitted now, or stopped at once. */
  #catchUp(id: string): void {
    const call = this.#start(this.#terms.widest, frozen(this.#options.endpoint));
    if (call === undefined) return;
    const admitting = this.#admitLate(call, id);
    this.#admitting.set(id, admitting);
    void admitting.then(() => this.#admitting.delete(id));
  }

  async #admitLate(call: GatedCall, id: string): Promise<void> {
    try {
      await call.begin();
      if (this.#isClosed) call.end(new Error("the session was closed"));
      else this.#running.set(id, call);
    } catch {
      this.#options.send(JSON.stringify({ type: "response.cancel", response_id: id }));
    }
  }

  #propose(id: string, event: Body): void {
    const call = this.#running.get(id);
    if (call === undefined) return;
    const proposed = this.#proposed.get(id) ?? new ProposedCalls();
    this.#proposed.set(id, proposed);
    propose(call, proposed, event);
  }

  #finish(id: string, response: Body): void {
    const admitting = this.#admitting.get(id);
    if (admitting !== undefined) {
      void admitting.then(() => this.#settle(id, response));
      return;
    }
    this.#settle(id, response);
  }

  #settle(id: string, response: Body): void {
    const call = this.#running.get(id);
    this.#running.delete(id);
    this.#proposed.delete(id);
    if (call !== undefined) observeParsed(call, response);
  }

  /** The provider refused what was asked for. */
  #fail(eventId: string | undefined): void {
    const failed = this.#asked.find((asked) => asked.eventId === eventId);
    if (failed === undefined) return;
    this.#asked = this.#asked.filter((asked) => asked !== failed);
    failed.call.releaseAttempt();
    failed.call.end(new Error("the provider refused the response"));
  }

  /** As the API tells what is wrong with one event: the session goes on. */
  #tell(error: unknown, text: string): void {
    const { code, message } = error instanceof TollgateError ? error : { code: "gate_failed", message: String(error) };
    const eventId = asText(parse(text)?.["event_id"]) ?? null;
    const told = { type: "tollgate_error", code, message, param: null, event_id: eventId };
    this.#events += 1;
    this.#options.receive(JSON.stringify({ type: "error", event_id: `tollgate_${this.#events}`, error: told }));
  }
}

function parse(text: string): Body | undefined {
  try {
    return asBody(JSON.parse(text));
  } catch {
    return undefined;
  }
}
