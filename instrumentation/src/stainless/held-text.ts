/**
 * Text that waits for its end, in the pieces that it came in: joined with each of them it would be copied as often as there are pieces.
 */

/** A picture of the largest size fits. What is longer goes on unread, and counts by its bytes. */
export const HELD_LENGTH_MAX = 32 * 1024 * 1024;

export class HeldText {
  #pieces: string[] = [];
  #length = 0;

  add(text: string): void {
    if (text === "") return;
    this.#pieces.push(text);
    this.#length += text.length;
  }

  /** Its last letters, at the most so many. */
  end(length: number): string {
    let end = "";
    for (let index = this.#pieces.length - 1; index >= 0 && end.length < length; index -= 1) {
      end = (this.#pieces[index] ?? "").slice(-length) + end;
    }
    return end.slice(-length);
  }

  /** All of it; from now on none is held. */
  take(): string {
    const text = this.#pieces.join("");
    this.#pieces = [];
    this.#length = 0;
    return text;
  }

  get isTooLong(): boolean {
    return this.#length > HELD_LENGTH_MAX;
  }
}
