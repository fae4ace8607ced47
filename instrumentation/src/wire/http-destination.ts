/**
 * Where a request of `node:http` goes. It does not say so itself: of the port it only keeps what its `Host` header tells, and that
 * is the app's to write. Its agent is told, so its agent is asked. Light: it is there from a process's start.
 */
import type { ClientRequest } from "node:http";
import { urlAt } from "./url-at.ts";

interface Destination {
  readonly host: string;
  readonly port: number | string | undefined;
}

type AddRequest = (this: object, request: ClientRequest, options: unknown, ...rest: unknown[]) => unknown;

const destinations = new WeakMap<ClientRequest, Destination>();
const WATCHED = Symbol.for("tollgate.destinations");

/** Once. */
export function watchDestinations(): void {
  const { prototype } = process.getBuiltinModule("node:http").Agent as unknown as {
    prototype: { addRequest?: AddRequest; [WATCHED]?: true };
  };
  const { addRequest } = prototype;
  if (prototype[WATCHED] === true || addRequest === undefined) return;
  Object.defineProperty(prototype, WATCHED, { value: true });
  prototype.addRequest = function (request, options, ...rest) {
    const { host, port } = (options ?? {}) as { readonly host?: unknown; readonly port?: number | string };
    if (typeof host === "string") destinations.set(request, { host, port });
    return addRequest.call(this, request, options, ...rest);
  };
}

/** `named`: whom its `Host` header names, where that is another host. `null`: it goes nowhere that can be told. */
export function destinationOf(request: ClientRequest): { readonly url: URL; readonly named: URL | undefined } | null {
  // Through a proxy the path is the whole URL.
  const isWhole = /^https?:\/\//i.test(request.path);
  const header = hostHeader(request);
  const named = header === undefined ? null : URL.parse(`${request.protocol}//${header}`);
  const base = isWhole ? null : baseOf(request, named);
  const url = base === null ? (isWhole ? URL.parse(request.path) : null) : urlAt(base.origin, request.path);
  if (url === null) return null;
  return { url, named: named === null || named.hostname === url.hostname ? undefined : withPath(named, url) };
}

function baseOf(request: ClientRequest, named: URL | null): URL | null {
  // A socket of the machine has no name: what listens there is told one by the header.
  if ((request as { readonly socketPath?: string | null }).socketPath) {
    return named ?? URL.parse(`${request.protocol}//localhost`);
  }
  const known = destinations.get(request);
  const base = URL.parse(`${request.protocol}//${bracketed(known?.host ?? request.host)}`);
  if (base === null) return null;
  if (known?.port !== undefined) base.port = String(known.port);
  else if (named?.hostname === base.hostname) base.port = named.port;
  return base;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function withPath(named: URL, { pathname }: URL): URL {
  named.pathname = pathname;
  return named;
}

/** Headers given as a list are text at once. */
function hostHeader(request: ClientRequest): string | undefined {
  const set = request.getHeader("host");
  if (set !== undefined) return String(set);
  const { _header: written } = request as unknown as { readonly _header?: string | null };
  return /\r\nhost: *([^\r\n]+)/i.exec(written ?? "")?.[1];
}
