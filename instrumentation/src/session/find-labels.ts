/**
 * Labels that detectors find in data: keys and other secrets, numbers of payment cards and accounts, mail addresses. They
 * are found by shape, so they miss what looks otherwise, and cost at most some hundred microseconds: long data is searched
 * at its beginning and its end.
 */
import { DEFAULT_LABEL_ORDER } from "../policy/label.ts";
import type { LabelOrder } from "../policy/label.ts";

/** Names of what is found; `kind: labels` may give each a rank of its own. */
export type Finding = "secret" | "payment_card" | "bank_account" | "national_id" | "email_address";

const TEXT_LENGTH_MAX = 65_536;
const VALUES_MAX = 2_000;
const DEPTH_MAX = 16;

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

/** Labels of the data: the level of the most sensitive thing found, and the names that the order knows. Never throws. */
export function findLabels(data: unknown, order: LabelOrder = DEFAULT_LABEL_ORDER): readonly string[] {
  const found = findIn(data);
  if (found.size === 0) return [];
  const top = order.levels.length - 1;
  const rank = Math.max(...[...found].map((name) => (order.has(name) ? order.rank(name) : top - BELOW_HIGHEST[name])));
  return [order.level(Math.max(rank, 0)), ...[...found].filter((name) => order.has(name))];
}

function findIn(data: unknown): ReadonlySet<Finding> {
  const text = textOf(data);
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

/** The texts and numbers in plain data, one a line. Accessors are not called, and nothing but plain data is looked into. */
function textOf(data: unknown): string {
  if (typeof data === "string") return excerpt(data);
  const parts: string[] = [];
  let length = 0;
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    values += 1;
    if (values > VALUES_MAX || depth > DEPTH_MAX || length > TEXT_LENGTH_MAX) return;
    if (typeof value === "string" || typeof value === "number") {
      const text = excerpt(String(value));
      parts.push(text);
      length += text.length;
    } else if (typeof value === "object" && value !== null && isPlain(value)) {
      for (const { value: member } of membersOf(value)) visit(member, depth + 1);
    }
  };
  visit(data, 0);
  return parts.join("\n");
}

/** Of a list that is longer than can be looked at, its beginning. */
function membersOf(value: object): readonly PropertyDescriptor[] {
  if (!Array.isArray(value) || value.length <= VALUES_MAX)
    return Object.values(Object.getOwnPropertyDescriptors(value));
  return Array.from({ length: VALUES_MAX }, (_, index) => Object.getOwnPropertyDescriptor(value, index) ?? {});
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function excerpt(text: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text;
  return `${text.slice(0, TEXT_LENGTH_MAX / 2)}\n${text.slice(-TEXT_LENGTH_MAX / 2)}`;
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
