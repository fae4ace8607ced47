/**
 * Names of reservations, without a table of who owns which: an id carries a check that only the credential that made it
 * satisfies, so another credential's id is an unknown one, also after a restart and after the lease is over. A key makes
 * the same id every time, which is what lets the ledger's own idempotency carry `Idempotency-Key`.
 */
import { hash, randomBytes } from "node:crypto";
import type { AgentCaller } from "./access.ts";

/** Hex digits. Together 32, the form of a lease's id. */
const NAME_DIGITS = 19;
const CHECK_DIGITS = 12;
/** First digit: whether the ledger holds a lease of this id, or no budget applied and it holds nothing. */
const LEASED = "0";
const UNLIMITED = "1";

export interface ReservationId {
  readonly id: string;
  /** No budget applied: the ledger does not know the id. */
  readonly isUnlimited: boolean;
}

/** Ids that were made here a moment ago, and for whom: most are asked for once more, and need not be worked out again. */
const lately = new Map<string, string>();
const LATELY_MAX = 4_096;

/** The id of a lease to be. Without a key: a new one. */
export function reservationId(caller: AgentCaller, key: string | undefined): string {
  if (key !== undefined) return signed(caller, LEASED, digest("key", caller.id, key).slice(0, NAME_DIGITS));
  const id = signed(caller, LEASED, randomName());
  if (lately.size >= LATELY_MAX) lately.clear();
  lately.set(id, caller.id);
  return id;
}

/** The id to answer with when no budget applied. */
export function unlimitedId(caller: AgentCaller, id: string): string {
  return signed(caller, UNLIMITED, id.slice(1, 1 + NAME_DIGITS));
}

/** `undefined` for what is no id of this credential. */
export function readReservationId(caller: AgentCaller, id: string): ReservationId | undefined {
  if (lately.get(id) === caller.id) {
    lately.delete(id);
    return { id, isUnlimited: false };
  }
  if (!/^[01][0-9a-f]{31}$/.test(id)) return undefined;
  const kind = id.slice(0, 1);
  if (signed(caller, kind, id.slice(1, 1 + NAME_DIGITS)) !== id) return undefined;
  return { id, isUnlimited: kind === UNLIMITED };
}

/** By credential, of which there are as many as the config names. */
const processes = new Map<string, string>();

/** The pseudo process that holds the leases of a credential. */
export function reservingProcess({ id }: AgentCaller): string {
  let process = processes.get(id);
  if (process === undefined) {
    process = digest("process", id, "").slice(0, 32);
    processes.set(id, process);
  }
  return process;
}

function signed(caller: AgentCaller, kind: string, name: string): string {
  // As `digest` has it: digits need no escape.
  const text = `["reservation","id",${JSON.stringify(caller.id)},"${kind}${name}"]`;
  return `${kind}${name}${hash("sha256", text).slice(0, CHECK_DIGITS)}`;
}

/** Randomness of many names, drawn at once. */
const drawn = { bytes: Buffer.alloc(0), at: 0 };
const NAME_BYTES = Math.ceil(NAME_DIGITS / 2);
const NAMES_DRAWN = 512;

function randomName(): string {
  if (drawn.at >= drawn.bytes.length) {
    drawn.bytes = randomBytes(NAME_BYTES * NAMES_DRAWN);
    drawn.at = 0;
  }
  drawn.at += NAME_BYTES;
  return drawn.bytes.toString("hex", drawn.at - NAME_BYTES, drawn.at).slice(0, NAME_DIGITS);
}

function digest(purpose: string, callerId: string, text: string): string {
  return hash("sha256", JSON.stringify(["reservation", purpose, callerId, text]));
}
