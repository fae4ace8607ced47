/** What filters of a stream have in common: pieces of text that wait for their end, and bytes out again. */
import { HeldText } from "./held-text.ts";

export abstract class TextFilter {
  protected readonly read: (event: unknown) => unknown;
  protected readonly held = new HeldText();
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #unreadBytes = 0;

  /** `read` gives back the event as it is, changed, or `undefined` to hide it. */
  constructor(read: (event: unknown) => unknown) {
    this.read = read;
  }

  /** Bytes that nobody could read as JSON: nobody can tell what was in them. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  push(chunk: Uint8Array): Uint8Array {
    const out = this.filter(this.#decoder.decode(chunk, { stream: true }));
    return this.#encoder.encode(this.held.isTooLong ? out + this.#letGo() : out);
  }

  /** What is left when the source ends without a last separator. */
  end(): Uint8Array {
    this.held.add(this.#decoder.decode());
    const rest = this.held.take();
    return this.#encoder.encode(rest === "" ? "" : this.pass(rest, ""));
  }

  /** Takes what was added; answers with what goes on, and holds the rest. */
  protected abstract filter(added: string): string;

  /** A whole event goes on, with its separator. */
  protected abstract pass(event: string, separator: string): string;

  protected countUnread(text: string): void {
    this.#unreadBytes += Buffer.byteLength(text);
  }

  /** What is too long to be read goes on as it is. */
  #letGo(): string {
    const text = this.held.take();
    this.countUnread(text);
    return text;
  }
}
