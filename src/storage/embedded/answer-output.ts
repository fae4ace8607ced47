/**
 * Where an answer goes while its query runs. Up to `heldBytesMax` are held back, so that a query that fails early still has
 * its status; ClickHouse does so with a mebibyte (`buffer_size`). What is more is sent as it comes, or, with
 * `wait_end_of_query`, kept in a file until the query has ended.
 */
import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** Sends an answer whose end is not known yet. */
export interface AnswerStream {
  /** Resolves when more may come. Never throws: what is for a client that is gone is dropped. */
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Ends an answer that has begun with the error's text, as ClickHouse does. */
  fail(message: string): Promise<void>;
}

export interface AnswerOutputOptions {
  /** Called once, when more than `heldBytesMax` came. */
  readonly begin: () => AnswerStream;
  readonly heldBytesMax: number;
  /** Where to keep an answer until the query has ended; undefined to send it as it comes. The caller deletes it. */
  readonly filePath: string | undefined;
}

/** One answer on its way out. */
export class AnswerOutput {
  readonly #options: AnswerOutputOptions;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #stream: AnswerStream | undefined;
  #file: FileHandle | undefined;

  constructor(options: AnswerOutputOptions) {
    this.#options = options;
  }

  /** Whether nothing came yet. */
  get isEmpty(): boolean {
    return this.#held.length === 0 && this.#stream === undefined && this.#file === undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return undefined;
    if (this.#stream !== undefined) return this.#stream.write(bytes);
    if (this.#file !== undefined) return writeAll(this.#file, bytes);
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= this.#options.heldBytesMax) return undefined;
    const { filePath } = this.#options;
    const held = this.#held;
    this.#held = [];
    if (filePath === undefined) this.#stream = this.#options.begin();
    else this.#file = await open(filePath, "wx", 0o600);
    for (const chunk of held) await this.write(chunk);
    return undefined;
  }

  /** The query has succeeded. Returns the whole answer if nothing of it has been sent, else undefined. */
  async finish(): Promise<Buffer | undefined> {
    const { filePath } = this.#options;
    if (this.#file !== undefined && filePath !== undefined) {
      await this.close();
      this.#stream = this.#options.begin();
      for await (const chunk of createReadStream(filePath)) await this.#stream.write(chunk as Buffer);
    }
    if (this.#stream === undefined) return Buffer.concat(this.#held);
    await this.#stream.end();
    return undefined;
  }

  /** The query has failed. True if the answer had begun, which then tells the error; else the caller answers it. */
  async fail(message: string): Promise<boolean> {
    if (this.#stream === undefined) return false;
    await this.#stream.fail(message);
    return true;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}
