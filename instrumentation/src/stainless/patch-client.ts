/**
 * Puts the gate into the prototype of an SDK's client. Four places, each the narrowest that sees what it must:
 *
 * - `makeRequest`, once for each attempt (the SDK calls it again for a retry): money is set aside before it, and the body
 *   it sends is a copy with the output bound that the reservation covers. Throwing here is final: the SDK does not retry.
 * - `fetchWithTimeout`, what became of the attempt on the wire: refused, answered, or nobody knows.
 * - parsing, where the SDK itself turns the answer into objects: the usage is read off those, nothing is parsed twice.
 * - `asResponse`, for apps that read the raw response themselves.
 *
 * Prototypes are patched in place, so `instanceof`, subclasses, private fields and the promise's own methods stay the SDK's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context } from "@opentelemetry/api";
import { inAnyCase } from "../gate/any-case.ts";
import type { CallGuard } from "../gate/call-guard.ts";
import { senderIn } from "../gate/call-context.ts";
import { asBody } from "../gate/endpoint.ts";
import type { Endpoint, RequestFacts } from "../gate/endpoint.ts";
import type { Gate } from "../gate/gate.ts";
import { GatedCall } from "../gate/gated-call.ts";
import type { AnswerPlan } from "../gate/attempt-plan.ts";
import type { CallOptions } from "../gate/call-options.ts";
import { takeCover } from "../gate/cover.ts";
import { gatingOf, guardOf } from "../gate/registry.ts";
import { SentBody } from "../gate/sent-body.ts";
import { alike } from "../registration/replace-function.ts";
import type { Server } from "../gate/call-span.ts";
import { readable } from "./list-body.ts";
import { observeParsed } from "./observe-answer.ts";
import { observeRaw } from "./observe-raw.ts";
import { asReceived } from "./serialised.ts";
import type { ApiPromise, ClientPrototype, RequestOptions, ResponseProps } from "./client-shape.ts";

/** What one SDK adds to the common shape. */
export interface ClientAdapter {
  /** The operation that a request is; `undefined` for what costs nothing or is not gated yet. */
  endpointOf(path: string, client?: object): Endpoint | undefined;
}

/** On the SDK's own options object, so that it follows the call into copies that retries make. */
const CALL = Symbol("tollgate.call");
/** Marks a prototype that the gate is in. */
export const PATCHED = Symbol.for("tollgate.patched");

type TrackedOptions = RequestOptions & { readonly [CALL]?: GatedCall };

/** Where OpenTelemetry keeps no context, which a process that only guards a client need not have. */
const withoutContexts = new AsyncLocalStorage<GatedCall>();
/** Responses that the app has asked for. */
const readRaw = new WeakSet<Response>();
const inheritGuard = new Set<(from: object, to: object, guard: CallGuard) => void>();

/** Called when a guarded client is copied by `withOptions`, so that the copy spends from the same purse. */
export function onGuardedCopy(listener: (from: object, to: object, guard: CallGuard) => void): void {
  inheritGuard.add(listener);
}

export function isPatched(prototype: object): boolean {
  return Object.hasOwn(prototype, PATCHED);
}

/** Patches once; doing it again changes nothing. */
export function patchClient(prototype: ClientPrototype, adapter: ClientAdapter): void {
  if (isPatched(prototype)) return;
  Object.defineProperty(prototype, PATCHED, { value: true });
  patchMakeRequest(prototype, adapter);
  patchFetch(prototype);
  patchRequest(prototype);
  patchParsing(prototype);
  patchWithOptions(prototype);
}

function patchMakeRequest(prototype: ClientPrototype, adapter: ClientAdapter): void {
  const makeRequest = prototype.makeRequest;
  replace(prototype, "makeRequest", async function (this: ClientPrototype, optionsInput, retries, retryOf, ...rest) {
    const gating = gatingOf(this);
    const isCovered = retryOf === undefined && gating?.guard === undefined && takeCover();
    if (gating === undefined || isCovered) return makeRequest.call(this, optionsInput, retries, retryOf, ...rest);
    const parent = context.active();
    const given: TrackedOptions = isPromise(optionsInput) ? await optionsInput : optionsInput;
    const isRetry = retryOf !== undefined;
    const known = isRetry ? given[CALL] : undefined;
    const readCall = (): CallOptions | undefined => {
      const found = given.method.toLowerCase() === "post" ? adapter.endpointOf(given.path, this) : undefined;
      const request = found === undefined ? undefined : readable(found, asReceived(given.body));
      if (request === undefined) return undefined;
      const { endpoint, body } = request;
      return {
        endpoint,
        body,
        facts: endpoint.readRequest(body),
        server: serverOf(this.baseURL),
        signal: given.signal ?? undefined,
        guard: gating.guard,
        parent,
      };
    };
    const call = known ?? startCall(gating.gate, readCall, given.body);
    if (call === undefined) return makeRequest.call(this, given, retries, retryOf, ...rest);
    const begun = call.begin();
    const plan = begun instanceof Promise ? await begun : begun;
    const options: SentOptions = { ...given, body: plan.do === "send" ? plan.body : given.body, [CALL]: call };
    passOnStops(call, options, prototype);
    if (hasBodyOf(given.fetchOptions) || hasBodyOf(this.fetchOptions)) overlaid.add(call);
    if (plan.do === "answer") return answered(call, options, plan);
    try {
      const send = (): Promise<ResponseProps> => makeRequest.call(this, options, retries, retryOf, ...rest);
      const props = await inContextOf(call, send);
      call.awaitReader(props.response);
      return props;
    } catch (error) {
      // Nothing was sent, or `fetchWithTimeout` has already said what became of it: unless that is a subclass's own.
      if (!isRetry) {
        const isOwn = this.fetchWithTimeout !== prototype.fetchWithTimeout && isUnanswered(error);
        if (isOwn || call.departure.mayHaveLeft) call.giveUpAttempt(error);
        else call.releaseAttempt();
        call.end(call.stopped ?? error);
      }
      throw call.stopped ?? error;
    }
  });
}

/** What `work` sends is the call's. */
function inContextOf<T>(call: GatedCall, work: () => T): T {
  const own = call.context;
  own.sender = call;
  return context.with(own, () => (context.active() === own ? work() : withoutContexts.run(call, work)));
}

function sendingCall(): GatedCall | undefined {
  return (senderIn(context.active()) as GatedCall | undefined) ?? withoutContexts.getStore();
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value;
}

type SentOptions = TrackedOptions & { signal?: AbortSignal | null };

/** Prototypes whose `fetchWithTimeout` gets the controller of the request: it can be aborted without a signal of ours. */
const handsOutController = new WeakSet<object>();

/**
 * How a call that is stopped stops its request. A signal of ours makes the SDK combine signals, which is dear; so where the
 * request's own controller will come by, the SDK is told only once there is something to tell: it looks at `signal` again
 * before it repeats a request.
 */
function passOnStops(call: GatedCall, options: SentOptions, prototype: ClientPrototype): void {
  const appsOwn = call.options.signal;
  if (appsOwn !== undefined || !handsOutController.has(prototype)) options.signal = call.signal;
  else call.onStop((error) => (options.signal = AbortSignal.abort(error)));
}

/** `init` and `controller` are those of the request that is about to be sent. */
function abortWhenStopped(call: GatedCall, init: unknown, controller: unknown): boolean {
  if (!(controller instanceof AbortController)) return false;
  call.onStop((error) => {
    const request = asBody(init) as { signal?: AbortSignal } | undefined;
    if (request !== undefined) request.signal = AbortSignal.abort(error);
    controller.abort(error);
  });
  return true;
}

/**
 * `undefined`: the request is none that is gated. The gate's own mistakes never break a call that `fail_mode` lets go. `given` is what the app
 * asks for: where it can't be read because it throws, the app gets what it throws, as it does without the gate.
 */
export function startCall(gate: Gate, options: () => CallOptions | undefined, given?: unknown): GatedCall | undefined {
  try {
    const known = options();
    // Deeper than any real one, or a circle.
    if (known?.facts.inputBound === Number.POSITIVE_INFINITY) JSON.stringify(given);
    return known === undefined ? undefined : new GatedCall(gate, asRead(known));
  } catch (problem) {
    JSON.stringify(given);
    const error = gate.contain(problem);
    if (error !== undefined) throw error;
    return undefined;
  }
}

function asRead(options: CallOptions): CallOptions {
  const endpoint = inAnyCase(options.endpoint, options.body);
  return endpoint === options.endpoint ? options : { ...options, endpoint, facts: endpoint.readRequest(options.body) };
}

/** An answer of our own goes through the SDK's own parsing, so that the app gets the SDK's own objects. */
function answered(call: GatedCall, options: RequestOptions, plan: AnswerPlan): ResponseProps {
  const { facts } = call.options;
  const headers = { "content-type": facts.isStreamed ? "text/event-stream" : "application/json" };
  const response = new Response(call.blockedAnswer(plan), { status: 200, headers });
  const props = {
    response,
    options,
    controller: new AbortController(),
    requestLogID: "log_tollgate",
    startTime: Date.now(),
  };
  return props;
}

/** As the SDKs call what their `fetchWithTimeout` has thrown. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && /^API(?:Connection|UserAbort)/.test(error.constructor.name);
}

/** Calls whose options put a body over the one that the SDK makes. */
const overlaid = new WeakSet<GatedCall>();

function hasBodyOf(fetchOptions: unknown): boolean {
  return typeof fetchOptions === "object" && fetchOptions !== null && "body" in fetchOptions;
}

/** Whether an app has put something of its own in the way of a client's requests, before `fetch`. */
function mayBeChanged(call: GatedCall, client: ClientPrototype, sdks: ClientPrototype): boolean {
  return (
    overlaid.has(call) ||
    client.prepareOptions !== sdks.prepareOptions ||
    client.prepareRequest !== sdks.prepareRequest ||
    client.fetchWithTimeout !== sdks.fetchWithTimeout
  );
}

/** What an app's getters and `toJSON` said to the SDK was more than they had said to the gate; or much of it was written with backslashes. */
function isLonger(text: string, { inputBound, imageTokens }: RequestFacts): boolean {
  return inputBound !== undefined && imageTokens === undefined && text.length > inputBound;
}

function patchFetch(prototype: ClientPrototype): void {
  const fetchWithTimeout = prototype.fetchWithTimeout;
  replace(prototype, "fetchWithTimeout", async function (this: ClientPrototype, ...parameters) {
    const call = sendingCall();
    if (call === undefined) return fetchWithTimeout.apply(this, parameters);
    const [url, init, , controller] = parameters;
    if (abortWhenStopped(call, init, controller)) handsOutController.add(prototype);
    const text = asBody(init)?.["body"];
    const isOwn =
      typeof text === "string" && !mayBeChanged(call, this, prototype) && !isLonger(text, call.options.facts);
    if (typeof text === "string") call.body = new SentBody(call, { url: String(url), text: isOwn ? text : undefined });
    try {
      const response = await fetchWithTimeout.apply(this, parameters);
      if (!response.ok) call.releaseAttempt();
      return response;
    } catch (error) {
      call.giveUpAttempt(error);
      throw error;
    }
  });
}

function patchRequest(prototype: ClientPrototype): void {
  const request = prototype.request;
  replace(prototype, "request", function (this: ClientPrototype, ...parameters) {
    const promise = request.apply(this, parameters);
    patchAsResponse(Object.getPrototypeOf(promise) as ApiPromise);
    if (prototype.parseResponseWithTimeout === undefined) {
      const parseResponse = promise.parseResponse;
      promise.parseResponse = alike(
        async (client, props) => parsed(props, () => parseResponse.call(promise, client, props)),
        parseResponse,
      );
    }
    return promise;
  });
}

function patchParsing(prototype: ClientPrototype): void {
  const parse = prototype.parseResponseWithTimeout;
  if (parse === undefined) return;
  replace(prototype, "parseResponseWithTimeout", function (this: ClientPrototype, client, props) {
    return parsed(props, () => parse.call(this, client, props));
  });
}

async function parsed(props: ResponseProps, parse: () => Promise<unknown>): Promise<unknown> {
  const call = (props.options as TrackedOptions)[CALL];
  if (call === undefined || call.isEnded) return parse();
  call.isParsing = true;
  let answer: unknown;
  try {
    answer = await parse();
  } catch (problem) {
    const error = call.stopped ?? problem;
    call.end(error);
    throw error;
  }
  // Sound comes as the response itself, for the app to read.
  if (answer instanceof Response) {
    observeRaw(call, answer);
    return answer;
  }
  return observeParsed(call, answer);
}

function patchAsResponse(prototype: ApiPromise): void {
  if (isPatched(prototype)) return;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const asResponse = prototype.asResponse;
  replace(prototype, "asResponse", function (this: ApiPromise) {
    if (!(this.responsePromise instanceof Promise)) return asResponse.call(this);
    // The SDK's own promise is made once there is an answer: beside ours, its failure would be one that nobody handles.
    return this.responsePromise.then(({ response, options }) => {
      const call = (options as TrackedOptions)[CALL];
      if (call !== undefined && !call.isParsing && !readRaw.has(response)) {
        readRaw.add(response);
        observeRaw(call, response);
      }
      return asResponse.call(this);
    });
  });
}

function patchWithOptions(prototype: ClientPrototype): void {
  const withOptions = prototype.withOptions;
  replace(prototype, "withOptions", function (this: ClientPrototype, ...parameters) {
    const copy = withOptions.apply(this, parameters);
    const guard = guardOf(this);
    if (guard !== undefined) for (const inherit of inheritGuard) inherit(this, copy, guard);
    return copy;
  });
}

/** Puts a method of ours in the place of one. */
export function replace<T extends object, K extends keyof T>(target: T, name: K, value: T[K]): void {
  const ours = alike(value, target[name]);
  Object.defineProperty(target, name, { value: ours, writable: true, configurable: true, enumerable: false });
}

/** Where requests go, for the span. */
export function serverOf(baseUrl: string): Server | undefined {
  const known = servers.get(baseUrl);
  if (known !== undefined) return known;
  const url = URL.parse(baseUrl);
  if (url === null) return undefined;
  const port = url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
  const server = { address: url.hostname, port };
  if (servers.size < SERVERS_MAX) servers.set(baseUrl, server);
  return server;
}

const servers = new Map<string, Server>();
const SERVERS_MAX = 256;
