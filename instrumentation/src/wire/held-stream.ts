/**
 * A request of `node:http2` whose body is held until it is whole and may go. Its headers are on their way already, so nothing of it is
 * changed: it is bounded as it is. A provider answers a body, not headers; what is refused never gets one.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import type { Context } from "@opentelemetry/api";
import type { AnswerTap } from "../stainless/answer-tap.ts";
import { isAsAdmitted } from "./as-admitted.ts";
import { tellStreamsDeparture } from "./http-departure.ts";
import type { HeldForCall } from "./held-request.ts";
import { BODY_BYTES_MAX } from "./request-body.ts";
import type { Verdict, Wire } from "./wire.ts";
import type { WireCall } from "./wire-call.ts";

type Done = (error?: Error | null) => void;

/** What a `Writable` is made of. */
interface WritableParts {
  _write(chunk: unknown, encoding: BufferEncoding, done: Done): void;
  _writev?:
    | ((chunks: { readonly chunk: unknown; readonly encoding: BufferEncoding }[], done: Done) => void)
    | undefined;
  _final(done: Done): void;
}

export interface HeldStreamOptions {
  readonly stream: ClientHttp2Stream;
  readonly url: URL;
  readonly method: string;
  readonly header: (name: string) => string | undefined;
  /** It opens a socket: what the app writes comes after the answer, and is no body. */
  readonly isUpgrade: boolean;
  readonly verdict: Extract<Verdict, { readonly do: "wait" | "read" }>;
  readonly covered?: HeldForCall;
  readonly wire: Wire;
  readonly parent: Context;
}

export class HeldStream {
  readonly #options: HeldStreamOptions;
  readonly #parts: WritableParts;
  readonly #chunks: Buffer[] = [];
  readonly #leaving = new AbortController();
  #bytes = 0;
  #admitted: Promise<void> | undefined;
  #call: WireCall | undefined;
  #tap: AnswerTap | undefined;
  #isAnswered = false;

  constructor(options: HeldStreamOptions) {
    this.#options = options;
    const { stream, verdict, covered, header, isUpgrade } = options;
    const parts = stream as unknown as WritableParts;
    this.#parts = { _write: parts._write.bind(stream), _final: parts._final.bind(stream) };
    // A list of endpoints does not depend on the body, and what a known provider is told to be no JSON need not be whole: nobody can read it.
    const isRead =
      verdict.do === "read" &&
      !isUpgrade &&
      (verdict.host === undefined ||
        covered !== undefined ||
        /json|^text\/plain/i.test(header("content-type") ?? "json"));
    if (!isRead) void this.#admit().catch(() => {});
    parts._write = (chunk, encoding, done) => this.#write(toBytes(chunk, encoding), done);
    parts._writev = (chunks, done) =>
      this.#write(Buffer.concat(chunks.map(({ chunk, encoding }) => toBytes(chunk, encoding))), done);
    parts._final = (done) =>
      this.#then(done, () => this.#flush((error) => (error ? done(error) : this.#parts._final(done))));
    this.#watch();
  }

  #write(bytes: Buffer, done: Done): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#admitted === undefined && this.#bytes <= BODY_BYTES_MAX) done();
    else this.#then(done, () => this.#flush(done));
  }

  #then(done: Done, go: () => void): void {
    this.#admit().then(go, done);
  }

  #flush(done: Done): void {
    const bytes = Buffer.concat(this.#chunks.splice(0));
    if (bytes.length === 0) done();
    else this.#parts._write(bytes, "buffer" as BufferEncoding, done);
  }

  #admit(): Promise<void> {
    this.#admitted ??= this.#ask().catch((error: unknown) => {
      this.#options.stream.destroy(asError(error));
      throw error;
    });
    return this.#admitted;
  }

  async #ask(): Promise<void> {
    const { stream, url, method, header, verdict, covered, wire, parent } = this.#options;
    if (verdict.do === "wait") {
      await verdict.until;
      return;
    }
    const isWhole = this.#bytes <= BODY_BYTES_MAX && stream.writableEnded;
    const body = isWhole ? Buffer.concat(this.#chunks) : undefined;
    if (covered !== undefined) {
      if (isAsAdmitted(covered.by, { url, host: verdict.host, body, header })) {
        covered.watch();
        return;
      }
      covered.stop();
    }
    const call = await wire.open({
      method,
      url,
      body,
      insteadOf: covered?.by,
      header,
      isSent: true,
      host: verdict.host,
      via: "http2",
      signal: this.#leaving.signal,
      parent,
    });
    this.#call = call;
    if (stream.destroyed) {
      call?.failed(new Error("the app gave the request up"), { wasSent: false });
      return;
    }
    tellStreamsDeparture(stream, call?.call.departure);
    call?.signal.addEventListener("abort", () => stream.destroy(asError(call.signal.reason)), { once: true });
  }

  /** Without adding listeners, which would change what Node does for those who have none. */
  #watch(): void {
    const { stream } = this.#options;
    const emit = stream.emit.bind(stream) as (name: string | symbol, ...args: unknown[]) => boolean;
    stream.emit = (name: string | symbol, ...args: unknown[]): boolean => {
      if (name === "response") this.#onResponse(args[0] as IncomingHttpHeaders & IncomingHttpStatusHeader);
      if (name === "error") args[0] = this.#call?.errorFor(args[0]) ?? args[0];
      if (name === "close") this.#onClose();
      return emit(name, ...args);
    };
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      const tap = this.#tap;
      if (tap === undefined) return push(chunk, encoding);
      if (chunk === null) {
        const rest = tap.end();
        if (rest.length > 0) push(Buffer.from(rest));
        return push(null);
      }
      const seen = tap.push(chunk as Uint8Array);
      return seen.length === 0 ? true : push(Buffer.from(seen.buffer, seen.byteOffset, seen.byteLength), encoding);
    };
  }

  #onResponse(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#isAnswered = true;
    this.#tap = this.#call?.answered(headers[":status"] ?? 0, {
      contentType: headers["content-type"] ?? "",
      contentEncoding: headers["content-encoding"]?.toLowerCase() ?? "",
    });
  }

  #onClose(): void {
    this.#leaving.abort();
    this.#options.covered?.stop();
    if (this.#isAnswered) this.#tap?.fail(this.#call?.call.stopped);
    else this.#call?.failed(new Error("closed without an answer"), { wasSent: true });
  }
}

function toBytes(chunk: unknown, encoding: BufferEncoding): Buffer {
  if (typeof chunk === "string") return Buffer.from(chunk, Buffer.isEncoding(encoding) ? encoding : "utf8");
  return Buffer.from(chunk as Uint8Array);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
