/** Reads JSON lines out of bytes and lets them through, byte for byte, but for those that `read` changes or hides. */
import { HeldText } from "./held-text.ts";

export class LineFilter {
  readonly #read: (event: unknown) => unknown;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  readonly #held = new HeldText();
  #unreadBytes = 0;

  constructor(read: (event: unknown) => unknown) {
    this.#read = read;
  }

  /** Bytes of lines that are no JSON: nobody can tell what was in them. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  push(chunk: Uint8Array): Uint8Array {
    const held = this.#held;
    const added = this.#decoder.decode(chunk, { stream: true });
    const end = added.lastIndexOf("\n") + 1;
    if (end === 0) {
      held.add(added);
      return held.isTooLong ? this.#letGo() : new Uint8Array();
    }
    held.add(added.slice(0, end));
    const lines = held.take().split("\n").slice(0, -1);
    held.add(added.slice(end));
    return this.#encoder.encode(lines.map((line) => this.#pass(line, "\n")).join(""));
  }

  /** What is left when the source ends without a last line break. */
  end(): Uint8Array {
    this.#held.add(this.#decoder.decode());
    const rest = this.#held.take();
    return this.#encoder.encode(rest === "" ? "" : this.#pass(rest, ""));
  }

  /** A line that is too long to be read goes on as it is. */
  #letGo(): Uint8Array {
    const text = this.#held.take();
    this.#unreadBytes += Buffer.byteLength(text);
    return this.#encoder.encode(text);
  }

  #pass(line: string, separator: string): string {
    let before: unknown;
    try {
      before = JSON.parse(line);
    } catch {
      this.#unreadBytes += Buffer.byteLength(line.trim());
      return line + separator;
    }
    const after = this.#read(before);
    if (after === before) return line + separator;
    return after === undefined ? "" : JSON.stringify(after) + separator;
  }
}
