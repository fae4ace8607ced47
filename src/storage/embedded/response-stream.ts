/**
 * An answer sent while its query runs, in the encoding that the client asked for. An error in its midst is written as
 * ClickHouse 25.11 and later do, with a tag that the header has told before, and the connection is closed without the last
 * chunk, so that no client takes the answer for whole.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough, type Transform } from "node:stream";
import { createDeflate, createGzip, createZstdCompress } from "node:zlib";
import type { AnswerStream } from "./answer-output.ts";
import { packFrames, storedFrame } from "./compressed-frames.ts";

/**
 * How long an answer that failed stays open: many clients drop what they have not read yet when a connection breaks, and
 * with it the error's text.
 */
const LINGER_MS = 2_000;

const ENCODERS = { gzip: createGzip, deflate: createDeflate, zstd: createZstdCompress } as const;

export interface ResponseStreamOptions {
  readonly response: ServerResponse;
  /** `Content-Encoding`. */
  readonly encoding: keyof typeof ENCODERS | undefined;
  /** In ClickHouse's own frames. */
  readonly isPacked: boolean;
  /** A client that takes nothing for so long is given up. */
  readonly stallMsMax: number;
}

/** Sends the head, whose other headers must be set, and gives what sends the rest. */
export function beginStream({ response, encoding, isPacked, stallMsMax }: ResponseStreamOptions): AnswerStream {
  const tag = randomBytes(8).toString("hex");
  response.setHeader("X-ClickHouse-Exception-Tag", tag);
  if (encoding !== undefined) response.setHeader("Content-Encoding", encoding);
  const encoder: Transform = encoding === undefined ? new PassThrough() : ENCODERS[encoding]();
  response.once("close", () => encoder.destroy());
  encoder.on("error", () => undefined); // of a client that is gone
  encoder.pipe(response, { end: false });
  const send = async (bytes: Uint8Array): Promise<void> => {
    if (response.destroyed || encoder.destroyed) return;
    if (encoder.write(bytes)) return;
    await drained({ response, encoder, stallMsMax });
  };
  const flush = async (): Promise<boolean> => {
    if (response.destroyed || encoder.destroyed) return false;
    const ended = once(encoder, "end");
    encoder.end();
    await Promise.race([ended, once(response, "close")]);
    return !response.destroyed;
  };
  return {
    write: async (bytes) => send(isPacked ? await packFrames(bytes) : bytes),
    async end() {
      if (await flush()) response.end();
    },
    async fail(message) {
      const block = exceptionBlock(tag, message);
      await send(isPacked ? storedFrame(block) : block);
      if (!(await flush())) return;
      const timer = setTimeout(() => response.socket?.destroySoon(), LINGER_MS);
      response.once("close", () => clearTimeout(timer));
    },
  };
}

/** @see https://clickhouse.com/docs/interfaces/http#http_response_codes_caveats */
export function exceptionBlock(tag: string, message: string): Buffer {
  const text = `${message}\n`;
  return Buffer.from(`\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`);
}

interface Draining {
  readonly response: ServerResponse;
  readonly encoder: Transform;
  readonly stallMsMax: number;
}

async function drained({ response, encoder, stallMsMax }: Draining): Promise<void> {
  const timer = setTimeout(() => response.destroy(), stallMsMax);
  try {
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        encoder.off("drain", settle);
        response.off("close", settle);
        resolve();
      };
      encoder.on("drain", settle);
      response.on("close", settle);
    });
  } finally {
    clearTimeout(timer);
  }
}
