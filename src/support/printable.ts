/**
 * Text of others on a person's screen: what agents send must neither move a cursor nor show words in another order than they have. Control
 * characters, marks of direction, separators of lines and letters that nobody sees are shown as escapes.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const ACTING = /[\p{Cc}\p{Zl}\p{Zp}\u{61c}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{e0000}-\u{e007f}]/gu;

/** As `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return text.replaceAll(ACTING, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same document: JSON text may hold such characters as they are, and its own line breaks stay. */
export function printableJson(json: string): string {
  return json.replaceAll(ACTING, (char) => (char === "\n" ? char : escaped(char)));
}

function escaped(char: string): string {
  return [...Array(char.length).keys()]
    .map((index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}
