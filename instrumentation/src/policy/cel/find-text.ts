import type { Meter } from "./meter.ts";

/** Comparisons up to which the engine's own search is quick, whatever the texts. */
const COMPARISONS_FEW = 65_536;

/**
 * Where `part` first stands in `text` from `start` on; -1: nowhere. Linear in both: the engine's own `indexOf` takes 43 s for
 * a part of 100,000 characters in a text of 1,000,000 when both are made for it. What could take long goes by Knuth, Morris and Pratt.
 */
export function findText(text: string, part: string, meter: Meter, start = 0): number {
  meter.charge((text.length + part.length) >> 3);
  if (part.length * text.length <= COMPARISONS_FEW) return text.indexOf(part, start);
  if (part.length > text.length - start) return -1;
  meter.charge((text.length + part.length) >> 3);
  const table = failureTable(part);
  let matched = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== code) matched = table[matched - 1] ?? 0;
    if (part.charCodeAt(matched) === code) matched += 1;
    if (matched === part.length) return at - part.length + 1;
  }
  return -1;
}

/** For each length of a match: how much of it is also the beginning of the part. */
function failureTable(part: string): Int32Array {
  const table = new Int32Array(part.length);
  let matched = 0;
  for (let at = 1; at < part.length; at += 1) {
    const code = part.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== code) matched = table[matched - 1] ?? 0;
    if (part.charCodeAt(matched) === code) matched += 1;
    table[at] = matched;
  }
  return table;
}
