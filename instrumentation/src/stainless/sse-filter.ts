/**
 * Reads server-sent events out of bytes and lets them through, byte for byte, but for those that `read` changes or hides.
 * An event's bytes are held until it is whole, or longer than any that is worth reading.
 */
import { HeldText } from "./held-text.ts";

const SEPARATOR = /\r\n\r\n|\n\n|\r\r/g;
/** The last letters of what is held may begin a separator. */
const BEGUN_LENGTH_MAX = 3;

export class SseFilter {
  readonly #read: (event: unknown) => unknown;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  readonly #held = new HeldText();
  #unreadBytes = 0;

  constructor(read: (event: unknown) => unknown) {
    this.#read = read;
  }

  /** Bytes of events that are no JSON but begin like it: nobody can tell what was in them. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  push(chunk: Uint8Array): Uint8Array {
    const held = this.#held;
    const added = this.#decoder.decode(chunk, { stream: true });
    const begun = held.end(BEGUN_LENGTH_MAX);
    held.add(added);
    let out = "";
    SEPARATOR.lastIndex = 0;
    if (SEPARATOR.test(begun + added)) {
      const text = held.take();
      let start = 0;
      SEPARATOR.lastIndex = text.length - added.length - begun.length;
      for (let match = SEPARATOR.exec(text); match !== null; match = SEPARATOR.exec(text)) {
        const { lastIndex } = SEPARATOR;
        out += this.#pass(text.slice(start, match.index), match[0]);
        // Whoever reads it may have read a stream of its own.
        SEPARATOR.lastIndex = start = lastIndex;
      }
      held.add(text.slice(start));
    }
    if (held.isTooLong) out += this.#letGo();
    return this.#encoder.encode(out);
  }

  /** What is left when the source ends without a last separator. */
  end(): Uint8Array {
    this.#held.add(this.#decoder.decode());
    const rest = this.#held.take();
    return this.#encoder.encode(rest === "" ? "" : this.#pass(rest, ""));
  }

  #letGo(): string {
    const text = this.#held.take();
    this.#unreadBytes += Buffer.byteLength(text);
    return text;
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
