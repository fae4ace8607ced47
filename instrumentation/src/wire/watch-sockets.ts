/**
 * Sockets of `node:net` and `node:tls`, as they are opened, and the first bytes that go through one: by then it can be told whether a request
 * that the gate has seen sends them. Only sockets that somebody wants are touched. Light: it is there from a process's start.
 */
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { isBuiltinLoaded, watchResolve } from "../registration/module-hooks.ts";

export interface SocketWatch {
  /** Whether a socket to there is looked at. Asked as it is opened, in the app's context. */
  readonly wants: (url: URL, socket: object) => boolean;
  /** Bytes are about to leave: who watches here may change by this. */
  readonly beforeBytes?: () => void;
  /** Whether it is a request's whose sending the gate has seen. */
  readonly isSeen?: (request: ClientRequest) => boolean;
  /** Whether it is a client's whose requests the gate sees. */
  readonly isPatched?: (client: object) => boolean;
  /** Bytes of nobody's: returns when they may go, throws where they may not. */
  readonly admit?: (url: URL, socket: object) => undefined | Promise<undefined>;
}

type Done = (error?: Error | null) => void;
type AnyMethod = (this: WatchedSocket, ...args: unknown[]) => unknown;

/** What a socket has below its methods. */
interface WatchedSocket extends Socket {
  _write: (chunk: unknown, encoding: BufferEncoding, done: Done) => void;
  _writev: (chunks: readonly unknown[], done: Done) => void;
  /** The request of `node:http` that has it. */
  readonly _httpMessage?: (ClientRequest & { readonly upgradeOrConnect?: boolean }) | null;
}

const WATCHED = Symbol.for("tollgate.sockets");
const IS_TLS = /^(?:node:)?(?:tls|https|http2)$/;
const HTTPS_PORT = 443;

let watch: SocketWatch | undefined;

/** The last one given counts. */
export function watchSockets(given: SocketWatch): void {
  const isFirst = watch === undefined;
  watch = given;
  if (!isFirst) return;
  const { Socket } = process.getBuiltinModule("node:net");
  patch(Socket.prototype, "connect", (socket, args) => {
    for (const url of placesOf(socket, args)) look(socket, url);
  });
  // What goes through a tunnel has its destination's name only here.
  if (isBuiltinLoaded("tls")) watchNames();
  else watchResolve((specifier) => void (IS_TLS.test(specifier) && watchNames()));
}

function watchNames(): void {
  const { TLSSocket } = process.getBuiltinModule("node:tls");
  patch(TLSSocket.prototype, "setServername", (socket, [name]) => look(socket, urlOf(name, HTTPS_PORT, true)));
}

function patch(prototype: object, name: string, before: (socket: WatchedSocket, args: readonly unknown[]) => void) {
  const methods = prototype as Record<string | symbol, unknown>;
  const original = methods[name] as AnyMethod | undefined;
  if (original === undefined || Object.hasOwn(methods, WATCHED)) return;
  Object.defineProperty(methods, WATCHED, { value: true });
  const method: AnyMethod = function (...args) {
    before(this, args);
    return original.apply(this, args);
  };
  Object.defineProperty(method, "name", { value: name, configurable: true });
  Object.defineProperty(method, "length", { value: original.length, configurable: true });
  Object.defineProperty(methods, name, { value: method, writable: true, configurable: true, enumerable: true });
}

/** `(options)`, `(port, host)`, or both as a list, as `net.connect` hands them on. */
function placesOf(socket: WatchedSocket, args: readonly unknown[]): readonly (URL | null)[] {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as readonly unknown[]) : args;
  const isPort = typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first));
  const given = isPort ? { port: first, host: second } : first;
  if (typeof given !== "object" || given === null) return [];
  const { port, host, servername, path } = given as Readonly<Record<string, unknown>>;
  if (path !== undefined && port === undefined) return [];
  const isTls = "setServername" in socket || Number(port) === HTTPS_PORT;
  return [urlOf(typeof host === "string" ? host : "localhost", port, isTls), urlOf(servername, port, isTls)];
}

function urlOf(host: unknown, port: unknown, isTls: boolean): URL | null {
  if (typeof host !== "string" || host === "") return null;
  return URL.parse(`http${isTls ? "s" : ""}://${host.includes(":") ? `[${host}]` : host}:${Number(port)}`);
}

/** Whom a socket belongs to is known once it is written to. */
function look(socket: WatchedSocket, url: URL | null): void {
  if (url === null || Object.hasOwn(socket, WATCHED) || watch?.wants(url, socket) !== true) return;
  Object.defineProperty(socket, WATCHED, { value: true });
  const { _write: write, _writev: writev } = socket;
  const leave = (): void => void Object.assign(socket, { _write: write, _writev: writev });
  const owner = new Owner(socket);
  /** Calls `go` when the bytes may leave. */
  const pass = (done: Done, go: () => void): void => {
    if (owner.isSame()) return go();
    watch?.beforeBytes?.();
    if (owner.isSeen()) return go();
    const refuse = (error: unknown): void => {
      leave();
      socket.destroy(error as Error);
      done(error as Error);
    };
    try {
      const admitted = owner.isForGood() ? undefined : watch?.admit?.(url, socket);
      if (admitted !== undefined) return void admitted.then(leave).then(go, refuse);
      leave();
      go();
    } catch (error) {
      refuse(error);
    }
  };
  socket._write = (chunk, encoding, done) => pass(done, () => write.call(socket, chunk, encoding, done));
  socket._writev = (chunks, done) => pass(done, () => writev.call(socket, chunks, done));
}

/** Who sends what is written to a socket. Its requests of `node:http` change; who else has it, keeps it. */
class Owner {
  readonly #socket: WatchedSocket;
  #request: WatchedSocket["_httpMessage"];

  constructor(socket: WatchedSocket) {
    this.#socket = socket;
  }

  /** The request that was seen before. */
  isSame(): boolean {
    const { _httpMessage: request } = this.#socket;
    return request !== undefined && request !== null && request === this.#request;
  }

  isSeen(): boolean {
    const { _httpMessage: request } = this.#socket;
    if (request === undefined || request === null || watch?.isSeen?.(request) !== true) return false;
    this.#request = request;
    return true;
  }

  /** A request that was seen made something else of it, or it is a client's of undici's, whose requests are. */
  isForGood(): boolean {
    return this.#request?.upgradeOrConnect === true || clientsOf(this.#socket).some((one) => watch?.isPatched?.(one));
  }
}

/** As undici marks its sockets, in each of its versions. */
function clientsOf(socket: object): readonly object[] {
  return Object.getOwnPropertySymbols(socket).flatMap((symbol) => {
    if (symbol.description !== "client" && symbol.description !== "parser") return [];
    const value = (socket as Readonly<Record<symbol, unknown>>)[symbol];
    const client = symbol.description === "client" ? value : (value as { readonly client?: unknown } | null)?.client;
    return typeof client === "object" && client !== null ? [client] : [];
  });
}
