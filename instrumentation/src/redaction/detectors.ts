/**
 * What can be found in text without being told. Our own table: the libraries that were looked at (secretlint, OpenRedaction and
 * others) read files asynchronously, or their expressions can be made to backtrack for seconds by whoever sends a span.
 *
 * Every detector here is linear in the text: an expression either starts with a literal and then takes all it can, or is bounded
 * in length, or starts only where a run of its characters starts; `test/unit/instrumentation/redaction/detectors.test.ts` holds
 * that with hostile text. A cheap test for what each needs (`@`, a digit, a known prefix) comes first.
 */
import { isIPv6 } from "node:net";
import { ibanAt } from "./iban.ts";

/** From `start` up to, not including, `end`. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  /** What was found, for the text that takes its place. */
  readonly name: string;
}

export interface Detector {
  /** Adds what it finds, in any order; findings may overlap. */
  find(text: string, found: Finding[]): void;
}

export const DETECTOR_NAMES = ["secrets", "email", "credit_card", "iban", "ip", "phone"] as const;
export type DetectorName = (typeof DETECTOR_NAMES)[number];

const SECRET_HINT =
  /sk-|gsk_|xai-|pplx-|hf_|r8_|A[KSBC][IC]A|gh[pousr]_|github_pat_|glpat-|xox|xapp-|hooks\.slack|AIza|ya29\.|GOCSPX-|[srp]k_(?:live|test)|whsec_|npm_|pypi-|dckr_pat_|SG\.|eyJ|PRIVATE KEY|:\/\/|secret|passw|api[_-]?key|[_-]token|authorization|bearer/i;

const SECRETS: readonly RegExp[] = [
  // OpenAI, Anthropic, OpenRouter, Langfuse, DeepSeek; then Groq, xAI, Perplexity, Hugging Face, Replicate.
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  /\b(?:gsk_|xai-|pplx-)[A-Za-z0-9]{32,}/g,
  /\b(?:hf|r8)_[A-Za-z0-9]{30,}/g,
  // AWS.
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}/g,
  /aws.{0,20}secret.{0,20}[=:]["'\s]{0,4}[A-Za-z0-9/+]{40}/gi,
  // GitHub, GitLab, npm, PyPI, Docker.
  /\bgh[pousr]_[A-Za-z0-9]{36,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,}/g,
  /\bglpat-[A-Za-z0-9_-]{20,}/g,
  /\bnpm_[A-Za-z0-9]{36}/g,
  /\bpypi-[A-Za-z0-9_-]{50,}/g,
  /\bdckr_pat_[A-Za-z0-9_-]{20,}/g,
  // Slack.
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /\bxapp-\d-[A-Za-z0-9-]{20,}/g,
  /hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,}/g,
  // Google.
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\bya29\.[A-Za-z0-9_-]{20,}/g,
  /\bGOCSPX-[A-Za-z0-9_-]{20,}/g,
  // Stripe, SendGrid.
  /\b[srp]k_(?:live|test)_[A-Za-z0-9]{16,}/g,
  /\bwhsec_[A-Za-z0-9+/=]{20,}/g,
  /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}/g,
  // JSON Web Tokens, private keys, credentials in URLs, headers and assignments.
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
  /(?<=:\/\/)[^\s:@/]{0,128}:[^\s@/]{1,256}(?=@)/g,
  /\bBearer\s{1,4}[A-Za-z0-9._~+/-]{16,}={0,2}/gi,
  /authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:basic|token|digest)\s{1,4}[^\s"',;]{8,}/gi,
  /(?:api[_-]?key|passw(?:or)?d|client[_-]?secret|(?:access|refresh|auth)[_-]token)["']?\s{0,4}[=:]\s{0,4}["']?[^\s"',;&]{8,}/gi,
];

const secrets: Detector = {
  find(text, found) {
    if (!SECRET_HINT.test(text)) return;
    for (const expression of SECRETS) findAll({ text, expression, name: "secret", found });
  },
};

const LOCAL_PART = /[A-Za-z0-9._%+'\u0080-\uffff-]/;
const DOMAIN = /@(?:[A-Za-z0-9\u0080-\uffff][A-Za-z0-9\u0080-\uffff-]{0,62}\.){1,8}[A-Za-z\u0080-\uffff]{2,24}/y;
const LOCAL_PART_MAX = 64;

const email: Detector = {
  find(text, found) {
    for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
      let start = at;
      while (start > 0 && at - start < LOCAL_PART_MAX && LOCAL_PART.test(text.charAt(start - 1))) start -= 1;
      if (start === at) continue;
      DOMAIN.lastIndex = at;
      const domain = DOMAIN.exec(text);
      if (domain !== null) found.push({ start, end: at + domain[0].length, name: "email" });
    }
  },
};

const DIGITS = /\d(?:[ -]?\d){12,}/g;
const CARD_LENGTH_MIN = 13;
const CARD_LENGTH_MAX = 19;

/** Numbers of 13 to 19 digits that begin like a card's and pass Luhn's check, in groups or not. */
const creditCard: Detector = {
  find(text, found) {
    for (const { 0: run, index } of text.matchAll(DIGITS)) {
      for (let start = 0; start < run.length; start += 1) {
        const isGroupStart = start === 0 ? !/\d/.test(text.charAt(index - 1)) : !/\d/.test(run.charAt(start - 1));
        if (!isGroupStart || !/[2-6]/.test(run.charAt(start))) continue;
        const end = cardEnd(run, start);
        // Numbers that overlap are all told of: which of them is the card, Luhn's check can't say.
        if (end !== undefined) found.push({ start: index + start, end: index + end, name: "credit_card" });
      }
    }
  },
};

/** Where the longest card number ends that starts there: at the end of a group of digits. */
function cardEnd(run: string, start: number): number | undefined {
  const digits: number[] = [];
  let end: number | undefined;
  for (let at = start; at < run.length && digits.length < CARD_LENGTH_MAX; at += 1) {
    const code = run.charCodeAt(at) - 48;
    if (code < 0 || code > 9) continue;
    digits.push(code);
    const next = run.charCodeAt(at + 1) - 48;
    const isGroupEnd = !(next >= 0 && next <= 9);
    if (isGroupEnd && digits.length >= CARD_LENGTH_MIN && passesLuhn(digits)) end = at + 1;
  }
  return end;
}

function passesLuhn(digits: readonly number[]): boolean {
  const sum = digits.toReversed().reduce((total, digit, index) => {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0 && digits.some((digit) => digit !== digits[0]);
}

const IBAN_START = /\b[A-Z]{2}\d{2}(?=[ A-Z0-9])/gi;

const iban: Detector = {
  find(text, found) {
    for (const { index } of text.matchAll(IBAN_START)) {
      const end = ibanAt(text, index);
      if (end !== undefined) found.push({ start: index, end, name: "iban" });
    }
  },
};

const IP_HINT = /\d\.\d|:/;
const IPV4 = /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d]|\.\d)/g;
const IPV6_LIKE = /(?<![\w:.])[0-9A-Fa-f:.]{4,45}(?![\w:])/g;

const ip: Detector = {
  find(text, found) {
    if (!IP_HINT.test(text)) return;
    findAll({ text, expression: IPV4, name: "ip", found });
    for (const { 0: candidate, index } of text.matchAll(IPV6_LIKE)) {
      const address = candidate.replace(/\.$/, "");
      if (isIPv6(address)) found.push({ start: index, end: index + address.length, name: "ip" });
    }
  },
};

const PHONE_HINT = /\d{2}/;
const PHONES: readonly RegExp[] = [
  /(?<![\w+.])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}(?!\d)/g,
  /(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])/g,
];

/** International numbers with their `+`, and North American ones as people write them. Bare runs of digits are not. */
const phone: Detector = {
  find(text, found) {
    if (!PHONE_HINT.test(text)) return;
    for (const expression of PHONES) findAll({ text, expression, name: "phone", found });
  },
};

export const DETECTORS: Readonly<Record<DetectorName, Detector>> = {
  secrets,
  email,
  credit_card: creditCard,
  iban,
  ip,
  phone,
};

interface Search {
  readonly text: string;
  /** With the flag `g`. */
  readonly expression: RegExp;
  readonly name: string;
  readonly found: Finding[];
}

function findAll({ text, expression, name, found }: Search): void {
  for (const { 0: match, index } of text.matchAll(expression))
    found.push({ start: index, end: index + match.length, name });
}
