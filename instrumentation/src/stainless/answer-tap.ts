/**
 * Reads an answer along while its bytes pass: server-sent events one by one, anything else at its end. Hides what only the
 * gate asked for. An answer that can't be read counts as reserved.
 */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { asArray, asBody } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { beginsLikeEvents } from "./answer-form.ts";
import { observeParsed } from "./observe-answer.ts";
import { LineFilter } from "./line-filter.ts";
import { SseFilter } from "./sse-filter.ts";
import { StreamWatch } from "./stream-watch.ts";

export interface AnswerHead {
  readonly contentType: string;
  /** Of the bytes as they pass; "" where somebody has decoded them. */
  readonly contentEncoding: string;
}

/** Larger answers are let through unread. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;
const NOTHING = new Uint8Array();
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  br: brotliDecompressSync,
  deflate: inflateSync,
  zstd: zstdDecompressSync,
};

export class AnswerTap {
  readonly #call: GatedCall;
  readonly #head: AnswerHead;
  #isEvents: boolean;
  /** `undefined`: bytes are collected and read at the end. */
  #filter: SseFilter | LineFilter | undefined;
  /** What came before it was clear whether it is a stream of events; `undefined`: it is clear. */
  #begun: Uint8Array | undefined;
  /** Made by the first event: without one nothing of the answer is known. */
  #events: StreamWatch | undefined;
  #whole: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;

  constructor(call: GatedCall, head: AnswerHead) {
    this.#call = call;
    this.#head = head;
    this.#isEvents = head.contentType.includes("event-stream");
    const isPlain = head.contentEncoding === "" || head.contentEncoding === "identity";
    this.#filter = isPlain ? this.#makeFilter() : undefined;
    const { endpoint, facts } = call.options;
    // Proxies send what streams under other names. The app must not see then either what only the gate asked for.
    if (this.#filter === undefined && isPlain && facts.isStreamed && endpoint.streamFormat !== "lines")
      this.#begun = NOTHING;
  }

  #makeFilter(): SseFilter | LineFilter | undefined {
    const read = (event: unknown): unknown => this.#read(event);
    if (this.#isEvents) return new SseFilter(read);
    const { endpoint, facts } = this.#call.options;
    return facts.isStreamed && endpoint.streamFormat === "lines" ? new LineFilter(read) : undefined;
  }

  /** What the app may see of these bytes. */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#isOver) return chunk;
    if (this.#begun === undefined) return this.#pass(chunk);
    this.#begun = Buffer.concat([this.#begun, chunk]);
    const isEvents = beginsLikeEvents(this.#begun);
    return isEvents === undefined ? NOTHING : this.#begin({ isEvents });
  }

  #begin({ isEvents }: { readonly isEvents: boolean }): Uint8Array {
    const begun = this.#begun ?? NOTHING;
    this.#begun = undefined;
    this.#isEvents = isEvents;
    if (isEvents) this.#filter = this.#makeFilter();
    return this.#pass(begun);
  }

  #pass(chunk: Uint8Array): Uint8Array {
    if (this.#filter !== undefined) return this.#filter.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= WHOLE_BYTES_MAX) this.#whole.push(chunk);
    else this.#whole = [];
    return chunk;
  }

  /** The answer is complete: what was held back of it. */
  end(): Uint8Array {
    if (this.#isOver) return NOTHING;
    const begun = this.#begun === undefined ? NOTHING : this.#begin({ isEvents: false });
    const rest = this.#filter?.end() ?? begun;
    if (this.#filter === undefined) this.#readWhole();
    this.#finish({ isComplete: true });
    return rest;
  }

  /** The app, or the connection, gave up in the middle. */
  fail(error?: unknown): void {
    if (this.#isOver) return;
    if (this.#begun !== undefined) this.#begin({ isEvents: false });
    if (this.#filter === undefined && this.#call.options.facts.isStreamed) this.#readWhole();
    this.#finish({ isComplete: false, error });
  }

  #read(event: unknown): unknown {
    this.#events ??= new StreamWatch(this.#call);
    return this.#events.read(event);
  }

  #readWhole(): void {
    const text = this.#text();
    if (text === undefined) return;
    const bytes = Buffer.from(text);
    if (this.#isEvents || beginsLikeEvents(bytes) === true) {
      const filter = new SseFilter((event) => this.#read(event));
      filter.push(bytes);
      filter.end();
      return;
    }
    const json = parse(text);
    // A stream of one line is JSON too; only Ollama's say `done`.
    const isLine = this.#call.options.facts.isStreamed && asBody(json)?.["done"] !== undefined;
    if (asBody(json) !== undefined && !isLine) {
      this.#isOver = true;
      observeParsed(this.#call, json);
      return;
    }
    // Lines of JSON (Ollama), or a list of chunks (Gemini without `alt=sse`).
    const events = json === undefined ? text.split("\n").map(parse) : isLine ? [json] : asArray(json);
    for (const event of events) if (event !== undefined) this.#read(event);
  }

  /** `undefined`: too large, or not in a form that is known. */
  #text(): string | undefined {
    if (this.#bytes > WHOLE_BYTES_MAX) return undefined;
    const raw = Buffer.concat(this.#whole);
    const decode = DECODERS[this.#head.contentEncoding];
    try {
      return Buffer.from(decode === undefined ? raw : decode(raw)).toString("utf8");
    } catch {
      return undefined;
    }
  }

  #finish(how: { readonly isComplete: boolean; readonly error?: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#whole = [];
    if (this.#events === undefined) this.#call.end(how.error);
    else this.#events.end({ ...how, unreadBytes: this.#filter?.unreadBytes ?? 0 });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
