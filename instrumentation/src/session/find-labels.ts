/**
 * Labels that detectors find in data: keys and other secrets, numbers of payment cards and accounts, mail addresses. They
 * are found by shape, so they miss what looks otherwise. What is too long, or is nothing that can be looked into, is said
 * (texts-of.ts): an order of labels may give `unsearched` a rank.
 */
import { DEFAULT_LABEL_ORDER } from "../policy/label.ts";
import type { LabelOrder } from "../policy/label.ts";
import { textsOf } from "./texts-of.ts";

/** Names of what is found; `kind: labels` may give each a rank of its own. */
export type Finding = "secret" | "payment_card" | "bank_account" | "national_id" | "email_address";

/** What an order of labels may rank data by that was not searched whole. */
const UNSEARCHED = "unsearched";

interface Detector {
  readonly finding: Finding;
  readonly shape: RegExp;
  readonly isReal?: (text: string) => boolean;
}

/** Every quantifier is bounded or ends at a character that it excludes: linear in the text. */
const DETECTORS: readonly Detector[] = [
  { finding: "secret", shape: /-----BEGIN (?:[A-Z]{1,10} ){0,2}PRIVATE KEY/g },
  { finding: "secret", shape: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  {
    finding: "secret",
    shape: /\b(?:sk-[A-Za-z0-9_-]{20,80}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,80})/g,
  },
  { finding: "secret", shape: /\beyJ[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,400}\./g },
  { finding: "payment_card", shape: /\b\d(?:[ -]?\d){12,18}\b/g, isReal: isCardNumber },
  { finding: "bank_account", shape: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g, isReal: isIban },
  { finding: "national_id", shape: /\b(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b/g },
  { finding: "email_address", shape: /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}\.[A-Za-z]{2,24}\b/g },
];
const MATCHES_MAX = 200;

/** How far below the highest level a finding is, where the order does not name it. */
const BELOW_HIGHEST: Readonly<Record<Finding, number>> = {
  secret: 0,
  payment_card: 1,
  bank_account: 1,
  national_id: 1,
  email_address: 2,
};

export interface LabelsFound {
  /** The level of the most sensitive thing found, and the names that the order knows. */
  readonly labels: readonly string[];
  /** All of the data was searched. */
  readonly isWhole: boolean;
}

/** Never throws. */
export function searchLabels(data: unknown, order: LabelOrder = DEFAULT_LABEL_ORDER): LabelsFound {
  const { text, isWhole } = textsOf(data);
  const found = findIn(text);
  const isRanked = !isWhole && order.has(UNSEARCHED);
  if (found.size === 0 && !isRanked) return { labels: [], isWhole };
  const top = order.levels.length - 1;
  const ranks = [...found].map((name) => (order.has(name) ? order.rank(name) : top - BELOW_HIGHEST[name]));
  const rank = Math.max(0, ...ranks, isRanked ? order.rank(UNSEARCHED) : 0);
  const names = [...found].filter((name) => order.has(name));
  return { labels: [order.level(rank), ...names, ...(isRanked ? [UNSEARCHED] : [])], isWhole };
}

/** The labels alone. Never throws. */
export function findLabels(data: unknown, order: LabelOrder = DEFAULT_LABEL_ORDER): readonly string[] {
  return searchLabels(data, order).labels;
}

function findIn(text: string): ReadonlySet<Finding> {
  const found = new Set<Finding>();
  for (const { finding, shape, isReal } of DETECTORS) {
    if (found.has(finding)) continue;
    let matches = 0;
    for (const [match] of text.matchAll(shape)) {
      matches += 1;
      if (isReal === undefined || isReal(match)) {
        found.add(finding);
        break;
      }
      if (matches >= MATCHES_MAX) break;
    }
  }
  return found;
}

/** Luhn's check (ISO/IEC 7812-1). */
function isCardNumber(text: string): boolean {
  const digits = Array.from(text.replaceAll(/\D/g, ""), Number).toReversed();
  if (digits.every((digit) => digit === digits[0])) return false;
  const sum = digits.reduce((total, digit, index) => {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

/** ISO 13616: the number, its first four characters moved to the end, letters as 10 to 35, is 1 modulo 97. */
function isIban(text: string): boolean {
  const plain = text.replaceAll(" ", "");
  let remainder = 0;
  for (const character of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
