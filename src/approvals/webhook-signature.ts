/**
 * Signatures of webhooks, both ways. Ours: `tollgate-signature: t=<unix seconds>,v1=<hex>` over `t.body`; Slack's own on what it
 * sends (https://api.slack.com/authentication/verifying-requests-from-slack), and that of a Teams outgoing webhook
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook), which has no time in it but in
 * the message that it covers. Pure; compared in constant time.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export const SIGNATURE_HEADER = "tollgate-signature";
/** How far the sender's clock may be off, and so how long a message can be sent again at all. */
export const SIGNATURE_AGE_SECONDS_MAX = 300;

export function signature(options: {
  readonly secret: string;
  readonly unixSeconds: number;
  readonly body: string;
}): string {
  const { secret, unixSeconds, body } = options;
  return `t=${unixSeconds},v1=${hmac(secret, `${unixSeconds}.${body}`)}`;
}

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SignedMessage {
  readonly format: "generic" | "slack" | "teams";
  readonly secret: string;
  readonly headers: Headers;
  readonly body: string;
  readonly nowMs: number;
}

/** The text of a signature that is right and fresh, to know it again by; `undefined` for any other. */
export function verifiedSignature(message: SignedMessage): string | undefined {
  const { format, secret, headers, body, nowMs } = message;
  if (format === "teams" && headers[SIGNATURE_HEADER] === undefined) return verifiedTeams(message);
  const given = format === "slack" ? slackSignature(headers) : ownSignature(headers);
  if (given === undefined || !/^\d{1,12}$/.test(given.time) || !isFresh(Number(given.time) * 1_000, nowMs))
    return undefined;
  const wanted = hmac(secret, format === "slack" ? `v0:${given.time}:${body}` : `${given.time}.${body}`);
  return isEqual(wanted, given.hex) ? wanted : undefined;
}

/** Teams makes tokens of 32 bytes. Of a secret that is none, base64 leaves out what it does not know: all of it, at worst. */
const TEAMS_KEY_BYTES = 32;

/** Its key is the security token of the outgoing webhook, as bytes. */
function verifiedTeams({ secret, headers, body, nowMs }: SignedMessage): string | undefined {
  const key = Buffer.from(secret, "base64");
  if (key.length < TEAMS_KEY_BYTES) return undefined;
  const given = /^HMAC ([\w+/]{43}=)$/.exec(String(headers["authorization"] ?? ""))?.[1];
  if (given === undefined) return undefined;
  const wanted = createHmac("sha256", key).update(body).digest("base64");
  return isEqual(wanted, given) && isFresh(teamsTimeMs(body), nowMs) ? wanted : undefined;
}

/** Of a message whose signature is right; NaN where it says none. */
function teamsTimeMs(body: string): number {
  try {
    const { timestamp } = JSON.parse(body) as { readonly timestamp?: unknown };
    return typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function isFresh(timeMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - timeMs) <= SIGNATURE_AGE_SECONDS_MAX * 1_000;
}

function isEqual(wanted: string, given: string): boolean {
  const [left, right] = [Buffer.from(wanted), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}

interface Given {
  readonly time: string;
  readonly hex: string;
}

function ownSignature(headers: Headers): Given | undefined {
  const match = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers[SIGNATURE_HEADER] ?? ""));
  return match === null ? undefined : { time: match[1] ?? "", hex: match[2] ?? "" };
}

function slackSignature(headers: Headers): Given | undefined {
  const match = /^v0=([0-9a-f]{64})$/.exec(String(headers["x-slack-signature"] ?? ""));
  return match === null ? undefined : { time: String(headers["x-slack-request-timestamp"] ?? ""), hex: match[1] ?? "" };
}

function hmac(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}
