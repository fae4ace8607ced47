/** A request of `node:http` whose body is held until it may go. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Context } from "@opentelemetry/api";
import type { AnswerTap } from "../stainless/answer-tap.ts";
import type { SentBody } from "../gate/sent-body.ts";
import { isAsAdmitted } from "./as-admitted.ts";
import { tellDeparture } from "./http-departure.ts";
import { BODY_BYTES_MAX } from "./request-body.ts";
import type { Verdict, Wire } from "./wire.ts";
import type { WireCall } from "./wire-call.ts";

type Method = (this: ClientRequest, ...args: unknown[]) => unknown;

export interface SendMethods {
  readonly write: Method;
  readonly end: Method;
}

export interface HeldRequestOptions {
  readonly request: ClientRequest;
  readonly url: URL;
  readonly method: string;
  readonly verdict: Exclude<Verdict, { readonly do: "pass" | "covered" }>;
  readonly covered?: HeldForCall;
  readonly wire: Wire;
  readonly original: SendMethods;
  readonly parent: Context;
}

/** A call that was admitted above may be what sends it: its body decides. */
export interface HeldForCall {
  readonly by: SentBody;
  /** It is: its answer is the call's. */
  readonly watch: () => void;
  /** It is not, or was given up before that was known. */
  readonly stop: () => void;
}

type Callback = (error?: Error | null) => void;

export class HeldRequest {
  /** Admitted, or none of our business: what the app writes goes on as it is. */
  isSending = false;
  readonly #options: HeldRequestOptions;
  readonly #chunks: Buffer[] = [];
  readonly #callbacks: Callback[] = [];
  readonly #leaving = new AbortController();
  #bytes = 0;
  #isTooLarge = false;
  #hasEnded = false;
  #hasStarted = false;
  #call: WireCall | undefined;
  #tap: AnswerTap | undefined;
  #isAnswered = false;

  constructor(options: HeldRequestOptions) {
    this.#options = options;
    this.#watchEvents();
    // A refusal, or a list of endpoints to wait for, does not depend on the body.
    if (options.verdict.do !== "read") this.#start();
  }

  write(args: readonly unknown[]): unknown {
    const { request, original } = this.#options;
    if (request.destroyed) return original.write.apply(request, [...args]);
    if (this.#hasEnded) return this.#writeAfterEnd(args);
    this.#keep(args);
    const callback = callbackOf(args);
    if (callback !== undefined) {
      // Whoever writes the next piece only once this one is gone would wait as the gate does, for the end.
      if (!this.#hasStarted && this.#bytes <= BODY_BYTES_MAX) process.nextTick(callback);
      else this.#callbacks.push(callback);
    }
    if (this.#bytes > BODY_BYTES_MAX && !this.#isTooLarge) {
      this.#isTooLarge = true;
      this.#start();
    }
    return true;
  }

  end(args: readonly unknown[]): unknown {
    const { request, original } = this.#options;
    if (request.destroyed) return original.end.apply(request, [...args]);
    if (this.#hasEnded) return this.#endAgain(args);
    this.#hasEnded = true;
    this.#keep(args);
    const callback = callbackOf(args);
    if (callback !== undefined) this.#callbacks.push(callback);
    this.#start();
    return request;
  }

  /** As Node's own: nothing of it is sent, and the request goes on. */
  #writeAfterEnd(args: readonly unknown[]): boolean {
    const { request } = this.#options;
    const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" });
    process.nextTick(() => {
      callbackOf(args)?.(error);
      if (!request.destroyed) request.emit("error", error);
    });
    return false;
  }

  #endAgain(args: readonly unknown[]): ClientRequest {
    const { request } = this.#options;
    const callback = callbackOf(args);
    if (args[0] !== undefined && args[0] !== null && args[0] !== callback) this.#writeAfterEnd(args);
    else if (callback !== undefined) this.#callbacks.push(callback);
    return request;
  }

  /** `(chunk?, encoding?, callback?)`. */
  #keep(args: readonly unknown[]): void {
    const [chunk, encoding] = args;
    if (typeof chunk === "string") {
      const name = typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
      this.#add(Buffer.from(chunk, name));
    } else if (chunk instanceof Uint8Array) this.#add(Buffer.from(chunk));
  }

  #add(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#admit().catch((error: unknown) => this.#refuse(error));
  }

  async #admit(): Promise<void> {
    const { request, url, method, verdict, covered, wire, parent } = this.#options;
    if (verdict.do === "refuse") throw verdict.error;
    if (verdict.do === "wait") await verdict.until;
    else {
      const body = this.#isTooLarge ? undefined : Buffer.concat(this.#chunks);
      const header = (name: string): string | undefined => text(request.getHeader(name));
      if (covered !== undefined) {
        if (isAsAdmitted(covered.by, { url, host: verdict.host, body, header })) {
          covered.watch();
          this.#send();
          return;
        }
        covered.stop();
      }
      this.#call = await wire.open({
        method,
        url,
        body,
        insteadOf: covered?.by,
        header,
        isSent: request.headersSent || this.#isTooLarge,
        host: verdict.host,
        via: "http",
        signal: this.#leaving.signal,
        parent,
      });
    }
    if (request.destroyed) {
      this.#call?.failed(new Error("the app gave the request up"), { wasSent: false });
      return;
    }
    this.#send();
  }

  #send(): void {
    const { request, original } = this.#options;
    const call = this.#call;
    call?.signal.addEventListener("abort", () => request.destroy(asError(call.signal.reason)), { once: true });
    const body = call?.change.body;
    if (call !== undefined && !call.change.isFrozen) {
      if (call.isStreamed) request.setHeader("accept-encoding", "identity");
      if (body !== undefined) {
        request.removeHeader("transfer-encoding");
        request.setHeader("content-length", Buffer.byteLength(body));
      }
      if (call.change.path !== undefined) request.path = `${call.change.path}${this.#options.url.search}`;
    }
    tellDeparture(request, call?.call.departure);
    this.isSending = true;
    const bytes = body === undefined ? Buffer.concat(this.#chunks) : Buffer.from(body);
    this.#chunks.length = 0;
    const done = (error?: Error | null): void => this.#tellWriters(error);
    if (!this.#hasEnded) {
      original.write.call(request, bytes, done);
      return;
    }
    // An empty body is no body: `end(chunk)` would count it.
    if (bytes.length === 0) original.end.call(request, done);
    else original.end.call(request, bytes, done);
  }

  /** Each once: whoever waits for what it wrote waits for nothing else. */
  #tellWriters(error?: Error | null): void {
    for (const callback of this.#callbacks.splice(0)) callback(error);
  }

  /** What was sent Node itself tells of. Later, so that what a callback throws is the app's. */
  #giveUpWriters(error: unknown): void {
    if (!this.isSending) process.nextTick(() => this.#tellWriters(asError(error)));
  }

  #refuse(error: unknown): void {
    this.#options.request.destroy(asError(error));
  }

  /** Without adding listeners, which would change what Node does for those who have none. */
  #watchEvents(): void {
    const { request } = this.#options;
    const emit = request.emit.bind(request);
    request.emit = (name: string | symbol, ...args: unknown[]): boolean => {
      try {
        this.#onEvent(name, args);
      } catch {
        // What is wrong with our own reading is not the app's: the call then counts as reserved at its end.
      }
      return emit(name, ...args);
    };
  }

  #onEvent(name: string | symbol, args: unknown[]): void {
    const call = this.#call;
    switch (name) {
      case "response":
        this.#isAnswered = true;
        if (call !== undefined) this.#onResponse(call, args[0] as IncomingMessage);
        break;
      case "upgrade":
      case "connect":
        this.#isAnswered = true;
        // What goes through the socket nobody can read: it counts as reserved.
        call?.call.end();
        break;
      case "error":
        if (call !== undefined) args[0] = call.errorFor(args[0]);
        if (!this.#isAnswered) call?.failed(args[0], { wasSent: this.isSending });
        else this.#tap?.fail(args[0]);
        if (this.#options.request.destroyed) this.#giveUpWriters(args[0]);
        break;
      case "close":
        this.#leaving.abort();
        this.#options.covered?.stop();
        if (!this.#isAnswered) call?.failed(new Error("closed without an answer"), { wasSent: this.isSending });
        this.#giveUpWriters(new Error("closed before it was sent"));
        break;
      default:
        break;
    }
  }

  #onResponse(call: WireCall, response: IncomingMessage): void {
    const tap = call.answered(response.statusCode ?? 0, {
      contentType: response.headers["content-type"] ?? "",
      contentEncoding: response.headers["content-encoding"]?.toLowerCase() ?? "",
    });
    this.#tap = tap;
    if (tap === undefined) return;
    const push = response.push.bind(response);
    response.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null) {
        const rest = tap.end();
        if (rest.length > 0) push(Buffer.from(rest));
        return push(null);
      }
      const seen = tap.push(chunk as Uint8Array);
      return seen.length === 0 ? true : push(Buffer.from(seen.buffer, seen.byteOffset, seen.byteLength), encoding);
    };
    response.once("close", () => tap.fail(call.call.stopped));
  }
}

function callbackOf(args: readonly unknown[]): Callback | undefined {
  return args.find((arg) => typeof arg === "function") as Callback | undefined;
}

function text(header: number | string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  return typeof header === "object" ? header.join(", ") : String(header);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
