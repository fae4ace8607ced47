/** The gate before `globalThis.fetch`. Requests that are none of its business go straight on, as the promise that they are. */
import { context } from "@opentelemetry/api";
import { CallContext } from "../gate/call-context.ts";
import { answerTo, startSending } from "../gate/current-call.ts";
import type { Sending } from "../gate/current-call.ts";
import { knownText } from "../gate/sent-body.ts";
import type { SentBody } from "../gate/sent-body.ts";
import { alike } from "../registration/replace-function.ts";
import { watchBody } from "../stainless/observe-raw.ts";
import { isAsAdmitted } from "./as-admitted.ts";
import { BODY_BYTES_MAX, isBlob, textOf } from "./request-body.ts";
import { patchDispatcherOf, patchGlobalDispatcher } from "./hook-undici.ts";
import { registeredWire } from "./wire.ts";
import type { MadeByCall, Wire } from "./wire.ts";
import type { WireCall } from "./wire-call.ts";
import type { ProviderHost } from "./providers.ts";

type Fetch = typeof globalThis.fetch;
type Input = Parameters<Fetch>[0];
type Init = Parameters<Fetch>[1];

const HOOKED = Symbol.for("tollgate.fetch");

export function hookFetch(): void {
  const original = globalThis.fetch as Fetch & { readonly [HOOKED]?: true };
  if (typeof original !== "function" || original[HOOKED] === true) return;
  const fetch = alike(gatedFetch(original, { isLast: true }), original);
  Object.defineProperty(fetch, HOOKED, { value: true });
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  Object.defineProperty(globalThis, "fetch", {
    value: fetch,
    writable: true,
    configurable: true,
    enumerable: descriptor?.enumerable ?? true,
  });
}

/** `original` behind the registered wire. `isLast`: nothing of ours is behind it, so that each request of a call passes here once. */
export function gatedFetch(original: Fetch, { isLast = false }: { readonly isLast?: boolean } = {}): Fetch {
  return (input, init) => {
    const wire = registeredWire();
    if (wire === undefined) return original(input, init);
    return send({ wire, original, input, init, isLast });
  };
}

interface Sent {
  readonly wire: Wire;
  readonly original: Fetch;
  readonly input: Input;
  readonly init: Init;
  readonly isLast: boolean;
}

function send(sending: Sent): Promise<Response> {
  const { wire, original, input, init, isLast } = sending;
  const request = isRequest(input) ? input : undefined;
  const url = parseUrl(request?.url ?? asText(input));
  // `data:` and the like go nowhere; what is no URL is for `fetch` to refuse.
  if (url === null || !url.protocol.startsWith("http")) return passed(original(input, init));
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  patchDispatcherOf((init as { readonly dispatcher?: object } | undefined)?.dispatcher);
  const via = isLast ? "fetch" : undefined;
  const verdict = wire.judge({ method, url, via });
  switch (verdict.do) {
    case "pass":
      return passed(original(input, init));
    case "covered":
      return sendOfCall(
        sending,
        { method, url, host: verdict.host },
        { ...verdict, begun: startSending(verdict.by, via) },
      );
    case "refuse":
      return Promise.reject(verdict.error);
    case "wait":
      if (!hasNodesRequest()) return passed(original(input, init));
      return sendLater(sending, verdict.until);
    case "read":
      if (!hasNodesRequest()) return passed(original(input, init));
      return (
        sendForCall(sending, { method, url, host: verdict.host }) ??
        sendGated(sending, { method, url, host: verdict.host })
      );
  }
}

/** Of a call that was admitted above; `begun` before its body is read, so that what is sent beside it meanwhile is seen. */
type Covered = MadeByCall & { readonly begun: Sending };

function sendOfCall(sending: Sent, target: Target, covered: Covered): Promise<Response> {
  const { original, input, init } = sending;
  const { body } = covered.by;
  const text = textGiven(input, init);
  const go = (): Promise<Response> => sendCovered(covered, () => original(input, init));
  if (body === undefined || text === "" || !hasNodesRequest()) return go();
  if (text === undefined) return sendGated(sending, { ...target, covered });
  if (isAsAdmitted(body, { ...target, body: text, header: noHeader })) return go();
  covered.begun.stop();
  return sendForCall(sending, target) ?? sendGated(sending, { ...target, insteadOf: body });
}

/** `undefined`: no call has made this request, or it was sent already. */
function sendForCall(
  { wire, original, input, init, isLast }: Sent,
  { method, url }: Target,
): Promise<Response> | undefined {
  const text = textGiven(input, init);
  if (text === undefined || text === "" || !isLast) return undefined;
  const made = wire.callMaking({ method, url, via: "fetch" }, text);
  if (made === undefined) return undefined;
  const own = new CallContext(context.active(), { call: made.by });
  return context.with(own, () =>
    sendCovered({ ...made, begun: startSending(made.by, "fetch") }, () => original(input, init)),
  );
}

/** Text that `fetch` is given is in no encoding. */
const noHeader = (): undefined => undefined;

function sendCovered({ by, hop, begun }: Covered, send: () => Promise<Response>): Promise<Response> {
  by.hop = hop;
  patchGlobalDispatcher();
  const sent = passed(begun.within(send));
  void sent.then((response) => {
    begun.stop();
    answerTo(by, response.status);
  }, begun.stop);
  return sent;
}

/** ""; there is none. `undefined`: it has to be read. */
function textGiven(input: Input, init: Init): string | undefined {
  const body = init?.body ?? undefined;
  if (typeof body === "string") return body;
  if (body !== undefined) return undefined;
  if (!isRequest(input) || input.body === null) return "";
  return knownText(input);
}

/** URLs of late: an SDK asks for the same few. Nobody changes them. */
const parsed = new Map<string, URL | null>();
const PARSED_MAX = 256;
const PARSED_LENGTH_MAX = 2_048;

function parseUrl(text: string): URL | null {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const url = URL.parse(text);
  if (text.length > PARSED_LENGTH_MAX) return url;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, url);
  return url;
}

/** Node's own dispatcher is there once `fetch` was called: redirects and other users of it are seen from then on. */
function passed(response: Promise<Response>): Promise<Response> {
  patchGlobalDispatcher();
  return response;
}

interface Target {
  readonly method: string;
  readonly url: URL;
  readonly host: ProviderHost | undefined;
  /** Of the call that was to send it. */
  readonly insteadOf?: SentBody;
  /** It may be what a call sends: its body decides. */
  readonly covered?: Covered;
}

/** As `fetch` does: all is read before this returns, and the app may change it, or use it again, from then on. */
function asTold({ input, init }: Sent): Request {
  return new Request(input, init);
}

/** An app may have put another class in its place, which `fetch` does not take. Then undici's `dispatch`, below `fetch`, is where a call is gated. */
function hasNodesRequest(): boolean {
  return "duplex" in Request.prototype;
}

async function sendLater(sending: Sent, until: Promise<undefined>): Promise<Response> {
  const told = asTold(sending);
  const rest = dispatcherOf(sending.init);
  await until;
  return passed(sending.original(told, rest));
}

async function sendGated(sending: Sent, target: Target): Promise<Response> {
  const { wire, original, input, init } = sending;
  const told = asTold(sending);
  const hasSignal = isRequest(input) || (init?.signal ?? undefined) !== undefined;
  const rest = dispatcherOf(init);
  const bytes = isReadable(told, init?.body) ? new Uint8Array(await told.arrayBuffer()) : undefined;
  // What was read is what is sent.
  const own: RequestInit = bytes === undefined ? rest : { ...rest, body: bytes };
  const body = textOf(bytes) as Uint8Array | undefined;
  const header = (name: string): string | undefined => told.headers.get(name) ?? undefined;
  const { covered } = target;
  const admitted = covered?.by.body;
  if (covered !== undefined && admitted !== undefined) {
    if (isAsAdmitted(admitted, { ...target, body, header })) return sendCovered(covered, () => original(told, own));
    covered.begun.stop();
  }
  const call = await wire.open({
    ...target,
    insteadOf: target.insteadOf ?? admitted,
    body,
    header,
    via: "fetch",
    signal: hasSignal ? told.signal : undefined,
    parent: context.active(),
  });
  if (call === undefined) return passed(original(told, own));
  const sent = changed(told, own, { url: target.url, call });
  // Nothing is sent then.
  const isGivenUp = call.signal.aborted;
  patchGlobalDispatcher();
  let response: Response;
  try {
    response = await context.with(call.context, () => passed(original(...sent)));
  } catch (error) {
    call.failed(error, { wasSent: !isGivenUp && !(hasSignal && told.signal.aborted && call.call.isEnded) });
    throw call.errorFor(error);
  }
  const tap = call.answered(response.status, {
    contentType: response.headers.get("content-type") ?? "",
    contentEncoding: "",
  });
  if (tap !== undefined) watchBody(call.call, response, tap);
  return response;
}

interface Admitted {
  readonly url: URL;
  readonly call: WireCall;
}

function changed(told: Request, own: RequestInit, { url, call }: Admitted): [Input, RequestInit] {
  const { body, path } = call.change;
  const next: RequestInit = { ...own, signal: call.signal };
  if (body !== undefined) {
    const headers = new Headers(told.headers);
    // It would no longer be true; `fetch` counts for itself.
    headers.delete("content-length");
    next.headers = headers;
    next.body = body;
  }
  if (path === undefined) return [told, next];
  const target = new URL(url);
  target.pathname = path;
  return [new Request(target, new Request(told, next)), next];
}

/** Not a field of the standard's: a request may not hand it on. */
function dispatcherOf(init: Init): RequestInit {
  const { dispatcher } = (init ?? {}) as { readonly dispatcher?: object };
  return dispatcher === undefined ? {} : ({ dispatcher } as RequestInit);
}

/** Nobody here reads a form, and so much is no prompt: it goes on as it is. */
function isReadable({ body }: Request, given: unknown): boolean {
  if (body === null || (typeof given === "object" && given !== null && "append" in given)) return false;
  return !isBlob(given) || given.size <= BODY_BYTES_MAX;
}

/** As `fetch` makes it. */
function asText(value: unknown): string {
  return String(value as string);
}

/** By its shape: Node's `Request` is loaded only by those who use it. `fetch` takes any other object for its text. */
function isRequest(input: Input): input is Request {
  return typeof input === "object" && "url" in input && typeof input.url === "string" && "clone" in input;
}
