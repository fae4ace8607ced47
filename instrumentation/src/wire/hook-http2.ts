/**
 * The gate in `request` of `node:http2`'s sessions. The module is heavy and few load it: it is patched when somebody does, and its
 * sessions, whose class it does not give out, when the first of them is opened; or at once where the module was there before, as
 * somebody may hold `connect` already, or a session.
 */
import { syncBuiltinESMExports } from "node:module";
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  OutgoingHttpHeaders,
} from "node:http2";
import { context } from "@opentelemetry/api";
import { answerTo, startSending } from "../gate/current-call.ts";
import type { CallInFlight } from "../gate/current-call.ts";
import { hasSyncHooks, isBuiltinLoaded, watchResolve } from "../registration/module-hooks.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { HeldStream } from "./held-stream.ts";
import type { HeldStreamOptions } from "./held-stream.ts";
import { tellStreamsDeparture } from "./http-departure.ts";
import { originOf, ownerOfRequest, sessionPrototype } from "./http2-sessions.ts";
import { urlAt } from "./url-at.ts";
import { registeredWire } from "./wire.ts";

type Connect = (this: unknown, authority: string | URL, ...rest: unknown[]) => ClientHttp2Session;
type Request = (
  this: ClientHttp2Session,
  headers?: OutgoingHttpHeaders,
  options?: ClientSessionRequestOptions,
  ...rest: unknown[]
) => ClientHttp2Stream;

/** Where sessions lead that were opened here. */
const authorities = new WeakMap<object, string>();

export function hookHttp2(): void {
  if (isBuiltinLoaded("http2")) {
    patchSessions(sessionPrototype());
    patchHttp2();
  } else if (!hasSyncHooks(process.versions.node)) patchHttp2();
  else watchResolve((specifier) => void (IS_HTTP2.test(specifier) && patchHttp2()));
}

/** How the module is asked for. */
const IS_HTTP2 = /^(?:node:)?http2$/;

function patchHttp2(): void {
  const http2 = process.getBuiltinModule("node:http2") as unknown as { connect: Connect };
  if (isPatched(http2)) return;
  Object.defineProperty(http2, PATCHED, { value: true });
  const { connect } = http2;
  http2.connect = function (this: unknown, authority, ...rest) {
    const session = connect.call(this, authority, ...rest);
    const origin = URL.parse(String(authority))?.origin;
    if (origin !== undefined) authorities.set(session, origin);
    patchSessions(ownerOfRequest(session));
    return session;
  };
  Object.defineProperty(http2.connect, "name", { value: "connect", configurable: true });
  syncBuiltinESMExports();
}

function patchSessions(prototype: object | undefined): void {
  if (prototype === undefined || isPatched(prototype)) return;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const target = prototype as { request: Request };
  const { request } = target;
  replace(target, "request", function (this: ClientHttp2Session, headers = {}, options, ...rest) {
    const wire = registeredWire();
    const header = (name: string): string | undefined => headerOf(headers, name);
    const url = wire === undefined ? null : urlOf(this, header);
    const send = (): ClientHttp2Stream => request.call(this, headers, options, ...rest);
    if (wire === undefined || url === null) return send();
    const method = (header(":method") ?? "GET").toUpperCase();
    // A socket is opened by a method of its own. https://www.rfc-editor.org/rfc/rfc8441#section-4
    const isUpgrade = header(":protocol") !== undefined;
    const verdict = wire.judge({ method, url, isUpgrade, named: namedOf(url, header), via: "http2" });
    switch (verdict.do) {
      case "pass":
        return send();
      case "covered": {
        const { by, host } = verdict;
        const { stop } = startSending(by, "http2");
        const watch = (stream: ClientHttp2Stream): void => watchCovered(stream, { by, stop });
        if (by.body !== undefined && !isUpgrade && !isWhole(method, options)) {
          const stream = send();
          const covered = { by: by.body, watch: () => watch(stream), stop };
          const own: HeldStreamOptions["verdict"] = { do: "read", host };
          void new HeldStream({
            stream,
            url,
            method,
            header,
            isUpgrade,
            verdict: own,
            covered,
            wire,
            parent: context.active(),
          });
          return stream;
        }
        const stream = send();
        watch(stream);
        return stream;
      }
      case "refuse":
        throw verdict.error;
      case "wait":
      case "read": {
        // Headers that are the whole request would be answered: its end is held, as a body is.
        const stream = request.call(this, headers, { ...options, endStream: false }, ...rest);
        void new HeldStream({ stream, url, method, header, isUpgrade, verdict, wire, parent: context.active() });
        if (isWhole(method, options)) stream.end();
        return stream;
      }
    }
  });
}

function watchCovered(
  stream: ClientHttp2Stream,
  { by, stop }: { readonly by: CallInFlight; readonly stop: () => void },
): void {
  tellStreamsDeparture(stream, by.departure);
  stream.once("close", stop).once("response", ({ ":status": status = 0 }) => {
    stop();
    answerTo(by, status);
  });
}

/** As Node has it: these end with their headers unless somebody says otherwise. */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE"]);

function isWhole(method: string, options: ClientSessionRequestOptions | undefined): boolean {
  return options?.endStream ?? BODILESS.has(method);
}

type Header = (name: string) => string | undefined;

function urlOf(session: ClientHttp2Session, header: Header): URL | null {
  const origin = authorities.get(session) ?? originOf(session);
  const scheme = header(":scheme") ?? (session.encrypted === true ? "https" : "http");
  const authority = header(":authority") ?? header("host");
  // Where it really goes; what the header says is only for sessions that nobody saw open.
  const base = origin ?? (authority === undefined ? undefined : `${scheme}://${authority}`);
  return base === undefined ? null : urlAt(base, header(":path") ?? "/");
}

/** Whom the request names, where that is not the host that its session leads to. */
function namedOf(url: URL, header: Header): URL | undefined {
  const authority = header(":authority") ?? header("host");
  if (authority === undefined || authority === url.host) return undefined;
  return URL.parse(url.pathname, `${url.protocol}//${authority}`) ?? undefined;
}

/** Headers come by name, or as a list of names and values. */
function headerOf(headers: OutgoingHttpHeaders | readonly unknown[], name: string): string | undefined {
  if (Array.isArray(headers)) {
    const at = headers.findIndex((entry, index) => index % 2 === 0 && String(entry).toLowerCase() === name);
    return at < 0 ? undefined : String(headers[at + 1]);
  }
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() !== name) continue;
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === "string" || typeof first === "number") return String(first);
  }
  return undefined;
}
