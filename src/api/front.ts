/**
 * The connections of the control API, before Node's HTTP server has them: plain requests for frequent routes are answered here,
 * one after the other as they came. The first thing that is not plain makes the connection the HTTP server's, for good, with
 * the bytes that were read. Bounds: what waits behind a request is held back by the kernel; a connection that says nothing is ended.
 */
import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type Answer, type FrequentRoutes, plainJson } from "./frequent.ts";
import { readPlainHead } from "./plain-request.ts";

const KEEP_ALIVE_MS = 72_000;
/** Of what came while an answer is made. */
const WAITING_BYTES_MAX = 262_144;
const NOTHING = Buffer.alloc(0);
const SECOND_MS = 1_000;

/** A server with the framework's own times; `listener` answers what `routes` does not. */
export function createFrontServer(routes: FrequentRoutes, listener: RequestListener): Server {
  const server = createServer(listener);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // A request may wait for money, and a control stream never ends.
  server.requestTimeout = 0;
  const accept = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    if (routes.isClosed) return accept.forEach((take) => take.call(server, socket));
    open.add(socket);
    new FrontConnection(socket, routes, (received) => {
      open.delete(socket);
      if (socket.destroyed) return;
      socket.pause();
      if (received.length > 0) socket.unshift(received);
      for (const take of accept) take.call(server, socket);
      socket.resume();
    });
  });
  routes.onClose(() => {
    for (const socket of open) socket.destroy();
    open.clear();
  });
  return server;
}

class FrontConnection {
  readonly #socket: Socket;
  readonly #routes: FrequentRoutes;
  readonly #leave: (received: Buffer) => void;
  readonly #listeners: readonly (readonly [string, (...args: never[]) => void])[];
  #received: Buffer = NOTHING;
  #isAnswering = false;
  #hasEnded = false;

  /** `leave` takes the connection over, with what was read of it and not answered. */
  constructor(socket: Socket, routes: FrequentRoutes, leave: (received: Buffer) => void) {
    this.#socket = socket;
    this.#routes = routes;
    this.#leave = leave;
    this.#listeners = [
      ["data", (chunk: Buffer) => this.#read(chunk)],
      ["end", () => this.#end()],
      // What is being answered may wait for money for longer.
      ["timeout", () => void (this.#isAnswering || socket.destroy())],
      ["error", () => socket.destroy()],
      ["close", () => this.#detach()],
    ];
    for (const [event, listener] of this.#listeners) socket.on(event, listener as (...args: unknown[]) => void);
    socket.setTimeout(KEEP_ALIVE_MS);
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (!this.#isAnswering) this.#next();
    else if (this.#received.length > WAITING_BYTES_MAX) this.#socket.pause();
  }

  /** Looks at what has come, if nothing is being answered. */
  #next(): void {
    const bytes = this.#received;
    const head = readPlainHead(bytes);
    const route = head === undefined ? undefined : this.#routes.find(head);
    if (head === undefined || route === undefined) return this.#detach();
    const end = head.bodyAt + head.bodyBytes;
    if (bytes.length < end) return;
    const body = plainJson(bytes.toString("utf8", head.bodyAt, end));
    if (body === undefined) return this.#detach();
    this.#received = bytes.length === end ? NOTHING : bytes.subarray(end);
    this.#isAnswering = true;
    // Never rejects: what goes wrong is an answer too.
    void this.#routes.answer(route, { headers: head.headers, body }).then(this.#send);
  }

  readonly #send = (answer: Answer): void => {
    this.#isAnswering = false;
    if (this.#socket.destroyed) return;
    const bodyBytes = Buffer.byteLength(answer.body);
    // Plain ASCII, as nearly all answers are, needs no encoding.
    this.#socket.write(responseText(answer, bodyBytes), bodyBytes === answer.body.length ? "latin1" : "utf8");
    if (this.#hasEnded) return void this.#socket.end();
    if (this.#received.length === 0) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#next();
  };

  #end(): void {
    this.#hasEnded = true;
    if (!this.#isAnswering) this.#socket.end();
  }

  #detach(): void {
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener as (...args: unknown[]) => void);
    this.#socket.setTimeout(0);
    this.#leave(this.#received);
  }
}

function responseText({ status, headers, body }: Answer, bodyBytes: number): string {
  return `${headText(status, headers)}content-length: ${bodyBytes}\r\n${lastHeaders()}${body}`;
}

/** What answers begin with, by their headers: nearly all have the same. */
const heads = new WeakMap<Answer["headers"], Map<number, string>>();

function headText(status: number, headers: Answer["headers"]): string {
  const ofHeaders = heads.get(headers) ?? new Map<number, string>();
  let head = ofHeaders.get(status);
  if (head === undefined) {
    head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    for (const name of Object.keys(headers)) head += `${name}: ${headers[name]}\r\n`;
    heads.set(headers, ofHeaders.set(status, head));
  }
  return head;
}

const date = { second: 0, text: "" };

/** The last headers, with the date: by the second. */
function lastHeaders(): string {
  const second = Math.floor(Date.now() / SECOND_MS);
  if (second !== date.second) {
    date.second = second;
    const now = new Date(second * SECOND_MS).toUTCString();
    date.text = `Date: ${now}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / SECOND_MS}\r\n\r\n`;
  }
  return date.text;
}
