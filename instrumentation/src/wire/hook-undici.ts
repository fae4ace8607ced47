/**
 * The gate in undici's `dispatch`, through which all of it goes: `request`, `stream`, `pipeline`, its own `fetch`, and each hop
 * of a redirect. Agents, pools and clients hand a request down to each other by the same method; it is looked at once.
 */
import { context } from "@opentelemetry/api";
import { answerTo, callInFlight, isSentBy, startSending } from "../gate/current-call.ts";
import type { CallInFlight, Sending } from "../gate/current-call.ts";
import type { Departure } from "../gate/departure.ts";
import type { SentBody } from "../gate/sent-body.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import type { AnswerTap } from "../stainless/answer-tap.ts";
import { isAsAdmitted } from "./as-admitted.ts";
import { collect, textOf } from "./request-body.ts";
import { findHeader, withHeaders } from "./undici-headers.ts";
import type { Headers } from "./undici-headers.ts";
import { askBeforeStart, isAsked, watchHandler } from "./undici-handler.ts";
import type { Handler, HandlerWatch, Head } from "./undici-handler.ts";
import { urlAt } from "./url-at.ts";
import { registeredWire } from "./wire.ts";
import type { Wire } from "./wire.ts";
import type { WireCall } from "./wire-call.ts";
import type { ProviderHost } from "./providers.ts";

interface DispatchOptions {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: Headers;
  readonly upgrade?: unknown;
  readonly [LOOKED_AT]?: Pick<DispatchOptions, "origin" | "path">;
  /** Of the call that sends it. */
  readonly [DEPARTURE]?: Departure | undefined;
}

type Dispatch = (this: object, options: DispatchOptions, handler: Handler) => boolean;

const LOOKED_AT = Symbol("tollgate.lookedAt");
const DEPARTURE = Symbol("tollgate.departure");
/** Node up to 25 and undici up to 7 share the first. https://github.com/nodejs/undici/blob/main/lib/global.js */
const GLOBAL_DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const GLOBAL_DISPATCHER_2 = Symbol.for("undici.globalDispatcher.2");

interface GlobalDispatchers {
  readonly [GLOBAL_DISPATCHER]?: object;
  readonly [GLOBAL_DISPATCHER_2]?: object;
}

/** Patches once. False for a class of another shape than the gate knows. */
export function patchDispatcher(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const target = prototype as { dispatch?: Dispatch };
  const original = target.dispatch;
  if (typeof original !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const isUndicis = prototype.constructor.name === UNDICIS_OWN;
  replace(target as { dispatch: Dispatch }, "dispatch", function (this: object, options, handler) {
    const wire = registeredWire();
    const send = (sent: DispatchOptions, to: Handler, departure = sent[DEPARTURE]): boolean =>
      original.call(this, sent, isUndicis ? departing(departure, to) : to);
    if (wire === undefined || !isRequest(options, handler)) return send(options, handler);
    const passing = callPassing(options);
    const departure = passing === undefined ? options[DEPARTURE] : passing.departure;
    // Who tries again between `fetch`, or another dispatcher, and this one sends what was admitted once a second time.
    const isAgain = departure?.mayHaveLeft === true && !isAsked(handler);
    if (!isAgain && (passing !== undefined || !isNew(options))) return send(options, handler, departure);
    const url = urlOf(this, options);
    if (url === null) return original.call(this, options, handler);
    const dispatch = (sent: DispatchOptions, to: Handler): boolean => send({ ...sent, [LOOKED_AT]: sent }, to);
    return look({ wire, dispatch, options, handler, url, isAgain });
  });
  return true;
}

/**
 * The class that undici's own dispatchers are made of, which it gives to nobody: from here down a handler is told before anything of its
 * request is written. Any other object may send in a way of its own.
 */
const UNDICIS_OWN = "DispatcherBase";

/** `handler`, which tells `departure` when its request begins to leave. Clients hand on what a pool has asked for already. */
function departing(departure: Departure | undefined, handler: Handler): Handler {
  if (departure === undefined || isAsked(handler)) return handler;
  departure.await();
  return askBeforeStart(handler, {
    mayStart: () => departure.begin(),
    onStatus: (status) => void (status >= 300 && departure.refused()),
  });
}

/**
 * The call that was gated above `fetch`, where that has just been told of this very request. An interceptor between them may have put a body
 * of its own in the place of that of `fetch`, which is a stream.
 */
function callPassing({ origin, path, body }: DispatchOptions): CallInFlight | undefined {
  const by = callInFlight();
  const hop = by?.hop;
  if (by === undefined || hop === undefined || hop.path !== path || hop.origin !== origin || !isSentBy("fetch")) return;
  return by.body === undefined || !(typeof body === "string" || ArrayBuffer.isView(body)) ? by : undefined;
}

/**
 * Node's own copy can't be hooked as it loads; what it left as the global dispatcher is of its class. Every `fetch` asks, so each is looked up
 * by a constant: the engine remembers where such a one lies, and searches the globals for a key that varies.
 */
export function patchGlobalDispatcher(): void {
  const { [GLOBAL_DISPATCHER]: first, [GLOBAL_DISPATCHER_2]: second } = globalThis as GlobalDispatchers;
  if (first !== lastSeen.first || second !== lastSeen.second) {
    lastSeen = { first, second };
    patchDispatcherOf(first);
    patchDispatcherOf(second);
  }
}

let lastSeen: { readonly first: object | undefined; readonly second: object | undefined } = {
  first: undefined,
  second: undefined,
};

export function patchDispatcherOf(dispatcher: object | undefined): void {
  for (let owner = dispatcher ?? null; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    if (!Object.hasOwn(owner, "dispatch")) continue;
    patchDispatcher(owner);
    return;
  }
}

interface Dispatching {
  readonly wire: Wire;
  readonly dispatch: (options: DispatchOptions, handler: Handler) => boolean;
  readonly options: DispatchOptions;
  readonly handler: Handler;
  readonly url: URL;
  readonly isAgain: boolean;
}

function look(dispatching: Dispatching): boolean {
  const { wire, dispatch, options, handler, url, isAgain } = dispatching;
  const method = options.method.toUpperCase();
  const isUpgrade = Boolean(options.upgrade);
  // An interceptor under the hook sends what was looked at on to another address: a copy of its options.
  const via = options[LOOKED_AT] === undefined ? "undici" : undefined;
  const verdict = wire.judge({ method, url, isUpgrade, named: namedOf(url, options), via, isAgain });
  switch (verdict.do) {
    case "pass":
      return dispatch(options, handler);
    case "covered":
      return sendOfCall(
        dispatching,
        { method, host: verdict.host },
        { by: verdict.by, begun: startSending(verdict.by, via) },
      );
    case "refuse":
      fail(handler, verdict.error);
      return true;
    case "wait": {
      const told = asTold(options);
      verdict.until.then(
        () => dispatch(told, handler),
        (error: unknown) => fail(handler, error),
      );
      return true;
    }
    case "read":
      gateLater(dispatching, { method, host: verdict.host });
      return true;
  }
}

/** Of a call that was admitted above; `begun` before its body is read, so that what is sent beside it meanwhile is seen. */
interface Covered {
  readonly by: CallInFlight;
  readonly begun: Sending;
}

interface Target {
  readonly method: string;
  readonly host: ProviderHost | undefined;
  /** It may be what a call sends: its body decides. */
  readonly covered?: Covered;
  /** Of the call that was to send it. */
  readonly insteadOf?: SentBody;
}

function sendOfCall(dispatching: Dispatching, target: Target, covered: Covered): boolean {
  const { options, url } = dispatching;
  const { body } = covered.by;
  if (body === undefined || (options.body ?? undefined) === undefined) return sendCovered(dispatching, covered);
  const text = isStream(options.body) ? undefined : textOf(options.body);
  if (text === undefined || text instanceof Promise) {
    gateLater(dispatching, { ...target, covered });
    return true;
  }
  const header = (name: string): string | undefined => findHeader(options.headers, name);
  if (isAsAdmitted(body, { url, host: target.host, body: text, header })) return sendCovered(dispatching, covered);
  covered.begun.stop();
  gateLater(dispatching, { ...target, insteadOf: body });
  return true;
}

function sendCovered({ dispatch, options, handler }: Dispatching, { by, begun }: Covered): boolean {
  const sent = { ...options, [DEPARTURE]: by.departure };
  return begun.within(() => dispatch(sent, watchHandler(handler, new CoveredWatch(by, begun))));
}

function gateLater(dispatching: Dispatching, target: Target): void {
  const told = { ...dispatching, options: asTold(dispatching.options) };
  gate(told, target).catch((error: unknown) => fail(dispatching.handler, error));
}

/** Headers as they are now: undici reads them before it returns. */
function asTold(options: DispatchOptions): DispatchOptions {
  return { ...options, headers: withHeaders(options.headers, {}) };
}

async function gate(
  dispatching: Dispatching,
  { method, host, covered, insteadOf = covered?.by.body }: Target,
): Promise<void> {
  const { wire, dispatch, options, handler, url } = dispatching;
  const body = isStream(options.body) ? await collect(options.body) : options.body;
  const text = await textOf(body);
  const header = (name: string): string | undefined => findHeader(options.headers, name);
  if (covered !== undefined && insteadOf !== undefined) {
    if (isAsAdmitted(insteadOf, { url, host, body: text, header })) {
      sendCovered({ ...dispatching, options: { ...options, body } }, covered);
      return;
    }
    covered.begun.stop();
  }
  const call = await wire.open({
    method,
    url,
    body: text,
    insteadOf,
    header,
    host,
    via: "undici",
    signal: undefined,
    parent: context.active(),
  });
  if (call === undefined) {
    dispatch({ ...options, body }, handler);
    return;
  }
  const sent = { ...changed({ ...options, body }, url, call), [DEPARTURE]: call.call.departure };
  const begun = startSending(call.call, "undici");
  const watched = watchHandler(handler, new Watch(call, begun));
  context.with(call.context, () => begun.within(() => dispatch(sent, watched)));
}

/** Of a request that a gated call sends. */
class CoveredWatch implements HandlerWatch {
  readonly #by: CallInFlight;
  readonly #sending: Sending;

  constructor(by: CallInFlight, sending: Sending) {
    this.#by = by;
    this.#sending = sending;
  }

  onHead({ status }: Head): void {
    this.#sending.stop();
    answerTo(this.#by, status);
  }

  onUpgrade(): void {
    this.#sending.stop();
  }

  onError(error: unknown): unknown {
    this.#sending.stop();
    return error;
  }
}

/** What the handler is told, told to the call first. */
class Watch implements HandlerWatch {
  readonly #call: WireCall;
  readonly #sending: Sending;
  #tap: AnswerTap | undefined;

  constructor(call: WireCall, sending: Sending) {
    this.#call = call;
    this.#sending = sending;
  }

  onStart(abort: (reason: unknown) => void): void {
    this.#call.signal.addEventListener("abort", () => abort(this.#call.signal.reason), { once: true });
  }

  onHead({ status, contentType, contentEncoding }: Head): void {
    this.#sending.stop();
    this.#tap = this.#call.answered(status, { contentType, contentEncoding });
  }

  /** What goes through the socket nobody can read: it counts as reserved. */
  onUpgrade(): void {
    this.#call.call.end();
  }

  onData(chunk: Uint8Array): Uint8Array {
    return this.#tap?.push(chunk) ?? chunk;
  }

  onEnd(): Uint8Array | undefined {
    return this.#tap?.end();
  }

  onError(error: unknown): unknown {
    this.#sending.stop();
    if (this.#tap === undefined) this.#call.failed(error, { wasSent: true });
    else this.#tap.fail(this.#call.errorFor(error));
    return this.#call.errorFor(error);
  }
}

function changed(options: DispatchOptions, url: URL, { change, isStreamed }: WireCall): DispatchOptions {
  const { body, path, isFrozen } = change;
  if (isFrozen) return options;
  // A stream is read as it passes, so it has to come as it is.
  const replaced = isStreamed ? { "accept-encoding": "identity" } : {};
  const headers = withHeaders(
    options.headers,
    body === undefined ? replaced : { ...replaced, "content-length": undefined },
  );
  return {
    ...options,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(path === undefined ? {} : { path: `${path}${url.search}` }),
  };
}

function fail(handler: Handler, error: unknown): void {
  if (typeof handler.onResponseError === "function") handler.onResponseError(null, error);
  else handler.onError?.(error);
}

function isRequest(options: DispatchOptions, handler: Handler): boolean {
  const isWhole = typeof options === "object" && options !== null && typeof handler === "object" && handler !== null;
  return isWhole && typeof options.path === "string" && typeof options.method === "string";
}

function isNew(options: DispatchOptions): boolean {
  const lookedAt = options[LOOKED_AT];
  // Who follows a redirect below this copies the options, and sends them elsewhere.
  return lookedAt === undefined || lookedAt.origin !== options.origin || lookedAt.path !== options.path;
}

/** Whom the `Host` header names, where that is another host. */
function namedOf(url: URL, { headers }: DispatchOptions): URL | undefined {
  const header = findHeader(headers, "host");
  if (header === undefined || header === url.host) return undefined;
  return URL.parse(url.pathname, `${url.protocol}//${header}`) ?? undefined;
}

/** A client or a pool goes to its own origin, whatever it is told. */
function urlOf(dispatcher: object, { origin, path }: DispatchOptions): URL | null {
  const base = ownOrigin(dispatcher) ?? origin;
  if (base === undefined) return null;
  return urlAt(String(base), path);
}

function ownOrigin(dispatcher: object): string | undefined {
  const symbol = Object.getOwnPropertySymbols(dispatcher).find(({ description }) => description === "url");
  const url = symbol === undefined ? undefined : (dispatcher as Readonly<Record<symbol, unknown>>)[symbol];
  return url instanceof URL ? url.origin : undefined;
}

function isStream(body: unknown): body is AsyncIterable<unknown> {
  if (typeof body !== "object" || body === null || ArrayBuffer.isView(body) || body instanceof ArrayBuffer)
    return false;
  // Forms and blobs are sent as they are.
  return (Symbol.asyncIterator in body || Symbol.iterator in body) && !("append" in body) && !("arrayBuffer" in body);
}
