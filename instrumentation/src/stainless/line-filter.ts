/** Reads JSON lines out of bytes and lets them through, byte for byte, but for those that `read` changes or hides. */
import { TextFilter } from "./text-filter.ts";

export class LineFilter extends TextFilter {
  protected filter(added: string): string {
    const end = added.lastIndexOf("\n") + 1;
    if (end === 0) {
      this.held.add(added);
      return "";
    }
    this.held.add(added.slice(0, end));
    const lines = this.held.take().split("\n").slice(0, -1);
    this.held.add(added.slice(end));
    return lines.map((line) => this.pass(line, "\n")).join("");
  }

  protected pass(line: string, separator: string): string {
    let before: unknown;
    try {
      before = JSON.parse(line);
    } catch {
      this.countUnread(line.trim());
      return line + separator;
    }
    const after = this.read(before);
    if (after === before) return line + separator;
    return after === undefined ? "" : JSON.stringify(after) + separator;
  }
}
