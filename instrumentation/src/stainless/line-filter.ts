/** Reads JSON lines out of bytes and lets them through, byte for byte, but for those that `read` changes or hides. */
export class LineFilter {
  readonly #read: (event: unknown) => unknown;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #rest = "";
  #unreadBytes = 0;

  constructor(read: (event: unknown) => unknown) {
    this.#read = read;
  }

  /** Bytes of lines that are no JSON: nobody can tell what was in them. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    const end = this.#rest.lastIndexOf("\n") + 1;
    if (end === 0) return new Uint8Array();
    const lines = this.#rest.slice(0, end).split("\n").slice(0, -1);
    this.#rest = this.#rest.slice(end);
    return this.#encoder.encode(lines.map((line) => this.#pass(line, "\n")).join(""));
  }

  /** What is left when the source ends without a last line break. */
  end(): Uint8Array {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return this.#encoder.encode(rest === "" ? "" : this.#pass(rest, ""));
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
