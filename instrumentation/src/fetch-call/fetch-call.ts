/**
 * One call of an SDK that sends its requests through a `fetch` it was given, over all attempts that the SDK makes. The request
 * is read as it goes on the wire, so whatever way the app took through the SDK, the same bytes are admitted. What the gate
 * refuses reaches the app in the gate's own words, not wrapped into the SDK's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context } from "@opentelemetry/api";
import { asBody } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import type { AnswerPlan, AttemptPlan } from "../gate/attempt-plan.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import type { Gating } from "../gate/registry.ts";
import { SentBody } from "../gate/sent-body.ts";
import { AnswerTap } from "../stainless/answer-tap.ts";
import { watchBody } from "../stainless/observe-raw.ts";
import { serverOf, startCall } from "../stainless/patch-client.ts";

/** The operation that a request is, by the end of its path; `undefined` for what costs nothing or is not gated. */
export type FindEndpoint = (path: string) => Endpoint | undefined;

/** A request about to leave. */
export interface Outgoing {
  readonly url: string;
  /** JSON. */
  readonly body: string;
  readonly signal: AbortSignal | undefined;
  send(changed: { readonly body: string; readonly signal: AbortSignal }): Promise<Response>;
  /** The same request, as the SDK made it. */
  pass(): Promise<Response>;
}

const current = new AsyncLocalStorage<FetchCall | undefined>();

export class FetchCall {
  readonly #gating: Gating;
  readonly #findEndpoint: FindEndpoint;
  readonly #parent = context.active();
  #call: GatedCall | undefined;
  #tap: AnswerTap | undefined;
  #isAnswered = false;
  #refusal: { readonly error: unknown } | undefined;

  constructor(gating: Gating, findEndpoint: FindEndpoint) {
    this.#gating = gating;
    this.#findEndpoint = findEndpoint;
  }

  /** The call that the running request belongs to. */
  static get running(): FetchCall | undefined {
    return current.getStore();
  }

  /** Runs the SDK's own method; its requests find this call. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await current.run(this, work);
      // An SDK may put what was thrown at its `fetch` into an answer of its own.
      if (this.#refusal !== undefined) throw this.#refusal.error;
      if (!this.#isAnswered && this.#call?.stopped !== undefined) throw this.#call.stopped;
      return answer;
    } catch (error) {
      const shown = this.#refusal?.error ?? this.#call?.stopped ?? error;
      this.#call?.end(shown);
      throw shown;
    }
  }

  /** Nobody reads the answer any further: it counts as it was seen. */
  leave(): void {
    this.#tap?.fail();
  }

  /** Admits and sends one attempt, and watches its answer. Anything that is no call of a model goes as it is. */
  async attempt(request: Outgoing): Promise<Response> {
    // What a `fetch` of the app does is none of this call.
    const outside = <T>(work: () => Promise<T>): Promise<T> => current.run(undefined, work);
    const call = (this.#call ??= this.#start(request));
    if (call === undefined) return outside(() => request.pass());
    const plan = await this.#begin(call);
    if (plan.do === "answer") return answerOf(call, plan);
    const body = JSON.stringify(plan.do === "send" ? plan.body : call.options.body);
    const { signal, url } = request;
    call.body = new SentBody(call, { url, text: body });
    const both = signal === undefined ? call.signal : AbortSignal.any([signal, call.signal]);
    try {
      const response = await context.with(call.context, () => outside(() => request.send({ body, signal: both })));
      if (response.ok) {
        this.#isAnswered = true;
        call.awaitReader(response);
        const contentType = response.headers.get("content-type") ?? "";
        this.#tap = new AnswerTap(call, { contentType, contentEncoding: "" });
        watchBody(call, response, this.#tap);
      } else call.releaseAttempt();
      return response;
    } catch (error) {
      call.giveUpAttempt(error);
      throw error;
    }
  }

  #start({ url, body, signal }: Outgoing): GatedCall | undefined {
    return startCall(this.#gating.gate, () => {
      const target = URL.parse(url);
      const endpoint = target === null ? undefined : this.#findEndpoint(target.pathname);
      const json = endpoint === undefined ? undefined : parse(body);
      if (target === null || endpoint === undefined || json === undefined) return undefined;
      return {
        endpoint,
        body: json,
        facts: endpoint.readRequest(json),
        server: serverOf(target.origin),
        signal,
        guard: this.#gating.guard,
        parent: this.#parent,
      };
    });
  }

  async #begin(call: GatedCall): Promise<AttemptPlan> {
    // Some SDKs try again what the gate refused: it is refused in the same words, and not asked again.
    if (this.#refusal !== undefined) throw this.#refusal.error;
    try {
      return await call.begin();
    } catch (error) {
      this.#refusal = { error };
      throw error;
    }
  }
}

/** An answer of our own goes through the SDK's own parsing, so that the app gets the SDK's own objects. */
function answerOf(call: GatedCall, plan: AnswerPlan): Response {
  const { endpoint, facts } = call.options;
  const streamed = endpoint.streamFormat === "lines" ? "application/x-ndjson" : "text/event-stream";
  const type = facts.isStreamed ? streamed : "application/json";
  return new Response(call.blockedAnswer(plan), { status: 200, headers: { "content-type": type } });
}

function parse(body: string): Body | undefined {
  try {
    return asBody(JSON.parse(body));
  } catch {
    return undefined;
  }
}
