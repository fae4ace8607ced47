/**
 * What happened, as one number: two runs of a seed are the same run if it is the same. Ids are random in the real code, so
 * they count by the order of their first appearance. The last lines are kept for whoever reads a failure.
 */
import { createHash } from "node:crypto";

const LINES_MAX = Number(process.env["TOLLGATE_SIM_LINES"] ?? 60);
const ID = /[0-9a-f]{32}/g;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #ids = new Map<string, string>();
  readonly #lines: string[] = [];

  add(atMs: number, text: string): void {
    const line = `${(atMs % 1e9).toFixed(1)} ${this.named(text)}`;
    this.#hash.update(line);
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
  }

  /** What is part of the run, and nothing to read. */
  note(text: string): void {
    this.#hash.update(text);
  }

  /** With the ids as they stand in the lines. */
  named(text: string): string {
    return text.replace(ID, (id) => this.#short(id));
  }

  /** Ends it. */
  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }

  /** What happened last, oldest first. */
  tail(): string {
    return this.#lines.join("\n");
  }

  #short(id: string): string {
    let short = this.#ids.get(id);
    if (short === undefined) {
      short = `#${this.#ids.size}`;
      this.#ids.set(id, short);
    }
    return short;
  }
}
