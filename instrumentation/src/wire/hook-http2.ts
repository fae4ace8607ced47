/**
 * The gate in `request` of `node:http2`'s sessions. The module is heavy and few load it: it is patched when somebody does, and its
 * sessions, whose class it does not give out, when the first of them is opened.
 */
import { syncBuiltinESMExports } from "node:module";
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { context } from "@opentelemetry/api";
import { startSending } from "../gate/current-call.ts";
import type { CallInFlight } from "../gate/current-call.ts";
import { hasSyncHooks, isBuiltinLoaded, watchResolve } from "../registration/module-hooks.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { HeldStream } from "./held-stream.ts";
import { registeredWire } from "./wire.ts";

type Connect = (this: unknown, authority: string | URL, ...rest: unknown[]) => ClientHttp2Session;
type Request = (this: ClientHttp2Session, headers?: OutgoingHttpHeaders, ...rest: unknown[]) => ClientHttp2Stream;

/** Where sessions lead that were opened here. */
const authorities = new WeakMap<object, string>();

export function hookHttp2(): void {
  if (isBuiltinLoaded("http2") || !hasSyncHooks(process.versions.node)) patchHttp2();
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
    patchSession(session);
    return session;
  };
  Object.defineProperty(http2.connect, "name", { value: "connect", configurable: true });
  syncBuiltinESMExports();
}

function patchSession(session: ClientHttp2Session): void {
  let owner: object | null = session;
  while (owner !== null && !Object.hasOwn(owner, "request")) owner = Object.getPrototypeOf(owner) as object | null;
  if (owner === null || isPatched(owner)) return;
  Object.defineProperty(owner, PATCHED, { value: true });
  const target = owner as { request: Request };
  const { request } = target;
  replace(target, "request", function (this: ClientHttp2Session, headers = {}, ...rest) {
    const wire = registeredWire();
    const header = (name: string): string | undefined => headerOf(headers, name);
    const url = wire === undefined ? null : urlOf(this, header);
    const send = (): ClientHttp2Stream => request.call(this, headers, ...rest);
    if (wire === undefined || url === null) return send();
    const method = (header(":method") ?? "GET").toUpperCase();
    const verdict = wire.judge({ method, url, via: "http2" });
    switch (verdict.do) {
      case "pass":
        return send();
      case "covered":
        return sendCovered(send, verdict.by);
      case "refuse":
        throw verdict.error;
      case "wait":
      case "read": {
        const stream = send();
        void new HeldStream({ stream, url, method, header, verdict, wire, parent: context.active() });
        return stream;
      }
    }
  });
}

function sendCovered(send: () => ClientHttp2Stream, by: CallInFlight): ClientHttp2Stream {
  const { stop } = startSending(by, "http2");
  return send()
    .once("close", stop)
    .once("response", ({ ":status": status = 0 }) => {
      stop();
      if (status >= 200 && status < 300) by.isAnswered = true;
    });
}

function urlOf(session: ClientHttp2Session, header: (name: string) => string | undefined): URL | null {
  const origin = authorities.get(session);
  const scheme = header(":scheme") ?? (session.encrypted === true ? "https" : "http");
  const authority = header(":authority") ?? header("host");
  // Where it really goes; what the header says is only for sessions that nobody saw open.
  const base = origin ?? (authority === undefined ? undefined : `${scheme}://${authority}`);
  return base === undefined ? null : URL.parse(header(":path") ?? "/", base);
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
