import { printable } from "../support/printable.ts";

/** Text of others in Markdown: it stays the words that it is, and makes no link, picture, cell or element. */
export function markdownText(value: string): string {
  return printable(value)
    .replaceAll(/[\\|<>`*_[\]~&]/g, (char) => `\\${char}`)
    .replaceAll(/:\/\/|www\./gi, (start) => `${start.slice(0, -1)}\\${start.slice(-1)}`);
}
