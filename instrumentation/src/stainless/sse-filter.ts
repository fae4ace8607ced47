/**
 * Reads server-sent events out of bytes and lets them through, byte for byte, but for those that `read` changes or hides.
 * An event's bytes are held until it is whole, or longer than any that is worth reading.
 */
import { TextFilter } from "./text-filter.ts";

const SEPARATOR = /\r\n\r\n|\n\n|\r\r/g;
/** The last letters of what is held may begin a separator. */
const BEGUN_LENGTH_MAX = 3;

export class SseFilter extends TextFilter {
  protected filter(added: string): string {
    const begun = this.held.end(BEGUN_LENGTH_MAX);
    this.held.add(added);
    SEPARATOR.lastIndex = 0;
    if (!SEPARATOR.test(begun + added)) return "";
    const text = this.held.take();
    let out = "";
    let start = 0;
    SEPARATOR.lastIndex = text.length - added.length - begun.length;
    for (let match = SEPARATOR.exec(text); match !== null; match = SEPARATOR.exec(text)) {
      const { lastIndex } = SEPARATOR;
      out += this.pass(text.slice(start, match.index), match[0]);
      // Whoever reads it may have read a stream of its own.
      SEPARATOR.lastIndex = start = lastIndex;
    }
    this.held.add(text.slice(start));
    return out;
  }

  /** What is no JSON and does not begin like it (a comment, `[DONE]`) says nothing that would have to be read. */
  protected pass(event: string, separator: string): string {
    const lines = event.split(/\r\n|\n|\r/);
    const data = lines
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5))
      .join("\n");
    const before = parse(data);
    if (before === undefined) {
      if (data.startsWith("{")) this.countUnread(data);
      return event + separator;
    }
    const after = this.read(before);
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
