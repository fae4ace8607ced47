/** The gate before `globalThis.fetch`. Requests that are none of its business go straight on, as the promise that they are. */
import { context } from "@opentelemetry/api";
import { startSending } from "../gate/current-call.ts";
import { watchBody } from "../stainless/observe-raw.ts";
import { collect, textOf } from "./request-body.ts";
import { patchDispatcherOf, patchGlobalDispatcher } from "./hook-undici.ts";
import { registeredWire } from "./wire.ts";
import type { Wire } from "./wire.ts";
import type { WireCall } from "./wire-call.ts";
import type { ProviderHost } from "./providers.ts";

type Fetch = typeof globalThis.fetch;
type Input = Parameters<Fetch>[0];
type Init = Parameters<Fetch>[1];

const HOOKED = Symbol.for("tollgate.fetch");

export function hookFetch(): void {
  const original = globalThis.fetch as Fetch & { readonly [HOOKED]?: true };
  if (typeof original !== "function" || original[HOOKED] === true) return;
  const fetch = gatedFetch(original, { isLast: true });
  Object.defineProperty(fetch, "name", { value: "fetch", configurable: true });
  Object.defineProperty(fetch, "length", { value: original.length, configurable: true });
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

interface Sending {
  readonly wire: Wire;
  readonly original: Fetch;
  readonly input: Input;
  readonly init: Init;
  readonly isLast: boolean;
}

function send({ wire, original, input, init, isLast }: Sending): Promise<Response> {
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
    case "covered": {
      const { by } = verdict;
      by.hop = verdict.hop;
      const sending = startSending(by, via);
      const sent = passed(sending.within(() => original(input, init)));
      void sent.then((response) => {
        sending.stop();
        if (response.ok) by.isAnswered = true;
      }, sending.stop);
      return sent;
    }
    case "refuse":
      return Promise.reject(verdict.error);
    case "wait":
      return verdict.until.then(() => passed(original(input, init)));
    case "read":
      return sendGated({ wire, original, input, init, isLast }, { method, url, host: verdict.host });
  }
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
}

async function sendGated({ wire, original, input, init }: Sending, target: Target): Promise<Response> {
  const request = isRequest(input) ? input : undefined;
  const headers = new Headers(init?.headers ?? request?.headers);
  const read = await readBody(request, init);
  const text = textOf(read.body);
  const call = await wire.open({
    ...target,
    body: text instanceof Promise ? await text : text,
    header: (name) => headers.get(name) ?? undefined,
    via: "fetch",
    signal: init?.signal ?? request?.signal ?? undefined,
    parent: context.active(),
  });
  const own = read.isConsumed ? { ...init, body: read.body as Exclude<RequestInit["body"], undefined> } : init;
  if (call === undefined) return passed(original(input, own));
  const sent = changed({ input, init: own, url: target.url }, headers, call);
  let response: Response;
  try {
    response = await context.with(call.context, () => passed(original(...sent)));
  } catch (error) {
    call.failed(error, { wasSent: !(init?.signal?.aborted === true && call.call.isEnded) });
    throw call.errorFor(error);
  }
  const tap = call.answered(response.status, {
    contentType: response.headers.get("content-type") ?? "",
    contentEncoding: "",
  });
  if (tap !== undefined) watchBody(call.call, response, tap);
  return response;
}

function changed(
  { input, init, url }: { readonly input: Input; readonly init: Init; readonly url: URL },
  headers: Headers,
  call: WireCall,
): [Input, RequestInit] {
  const { body, path } = call.change;
  const next: RequestInit = { ...init, signal: call.signal };
  if (body !== undefined) {
    // It would no longer be true; `fetch` counts for itself.
    headers.delete("content-length");
    next.headers = headers;
    next.body = body;
  }
  if (path === undefined) return [input, next];
  const target = new URL(url);
  target.pathname = path;
  return [isRequest(input) ? new Request(target, input) : target, next];
}

interface ReadBody {
  readonly body: unknown;
  /** The app's own was a stream and is used up: `body` goes in its place. */
  readonly isConsumed: boolean;
}

async function readBody(request: Request | undefined, init: Init): Promise<ReadBody> {
  const body: unknown = init?.body;
  if (body !== undefined && body !== null) {
    // What is no body to `fetch` is sent as its text.
    if (isPlain(body)) return { body: asText(body), isConsumed: true };
    if (!(body instanceof ReadableStream) && !isAsyncIterable(body)) return { body, isConsumed: false };
    return { body: await collect(body as AsyncIterable<unknown>), isConsumed: true };
  }
  if (request === undefined || request.body === null || request.bodyUsed) return { body: undefined, isConsumed: false };
  return { body: await request.clone().text(), isConsumed: false };
}

/** As `fetch` makes it. */
function asText(value: unknown): string {
  return String(value as string);
}

function isPlain(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return typeof body !== "string";
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return false;
  return !("append" in body) && !("arrayBuffer" in body) && !(Symbol.asyncIterator in body);
}

function isAsyncIterable(body: unknown): boolean {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body && !("arrayBuffer" in body);
}

/** By its shape: Node's `Request` is loaded only by those who use it. `fetch` takes any other object for its text. */
function isRequest(input: Input): input is Request {
  return typeof input === "object" && "url" in input && typeof input.url === "string" && "clone" in input;
}
