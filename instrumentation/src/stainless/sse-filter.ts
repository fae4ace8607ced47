/**
 * Reads server-sent events out of bytes and lets them through, byte for byte, but for those that `read` changes or hides.
 * An event's bytes are held until it is whole.
 */
const SEPARATOR = /\r\n\r\n|\n\n|\r\r/;

export class SseFilter {
  readonly #read: (event: unknown) => unknown;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #rest = "";
  #unreadBytes = 0;

  constructor(read: (event: unknown) => unknown) {
    this.#read = read;
  }

  /** Bytes of events that are no JSON but begin like it: nobody can tell what was in them. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    let out = "";
    for (let match = SEPARATOR.exec(this.#rest); match !== null; match = SEPARATOR.exec(this.#rest)) {
      const end = match.index + match[0].length;
      out += this.#pass(this.#rest.slice(0, match.index), match[0]);
      this.#rest = this.#rest.slice(end);
    }
    return this.#encoder.encode(out);
  }

  /** What is left when the source ends without a last separator. */
  end(): Uint8Array {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return this.#encoder.encode(rest === "" ? "" : this.#pass(rest, ""));
  }

  #pass(event: string, separator: string): string {
    const lines = event.split(/\r\n|\n|\r/);
    const data = lines
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5))
      .join("\n");
    const before = parse(data);
    if (before === undefined) {
      if (data.startsWith("{")) this.#unreadBytes += Buffer.byteLength(data);
      return event + separator;
    }
    const after = this.#read(before);
    if (after === before) return event + separator;
    if (after === undefined) return "";
    const others = lines.filter((line) => !line.startsWith("data:"));
    return [...others, `data: ${JSON.stringify(after)}`].join("\n") + separator;
  }
}

function parse(data: string): unknown {
  if (!data.startsWith("{")) return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
