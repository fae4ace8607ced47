/**
 * Sends blocks in pieces: those rows that are not there yet, and of those that are refused smaller and smaller halves, until
 * only the rows that are wrong by themselves are left. They are set aside. A piece's token is made of its block's and
 * of its rows, so doing all of it again after a crash changes nothing.
 */
import { createHash } from "node:crypto";
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { Block } from "./block-format.ts";
import type { StoredBlock } from "./block-store.ts";
import type { DeliveryOptions, Presence, Shipment } from "./delivery.ts";
import type { Spool } from "./spool.ts";

export interface PiecewiseOptions extends Pick<Spool<never>, "setRowsAside"> {
  readonly select: DeliveryOptions["select"];
  readonly notify: Notify;
  /** Why the blocks were refused together; without it they have not been tried. */
  readonly refusal?: string;
  presence(block: Block): Promise<Presence | undefined>;
  attempt(shipment: Shipment): Promise<Exclude<Outcome, { kind: "retryable" }> | undefined>;
}

export interface BlockToSend {
  readonly stored: StoredBlock;
  readonly block: Block;
}

/** Pieces that a block is tried in at most: about 12 wrong rows of 65,536. What is not told apart then is set aside together. */
const PIECES_MAX = 400;

/** How many rows were set aside; the others are there. `undefined`: aborted. */
export async function sendPiecewise(
  options: PiecewiseOptions,
  blocks: readonly BlockToSend[],
): Promise<number | undefined> {
  let poison = 0;
  for (const each of blocks) {
    const found = await options.presence(each.block);
    if (found === undefined) return undefined;
    const missing = Uint32Array.from({ length: each.block.rowCount }, (_, row) => row).filter(
      (row) => found.isThere[row] !== 1,
    );
    if (missing.length < each.block.rowCount) {
      const fields = { block: each.stored.name, rows: each.block.rowCount, missing: missing.length };
      options.notify({ level: "warn", event: "rows_found_there", fields });
    }
    const wasTried = blocks.length === 1 && missing.length === each.block.rowCount;
    const bad = await sendRows(options, { ...each, missing, refusal: wasTried ? options.refusal : undefined });
    if (bad === undefined) return undefined;
    poison += bad;
  }
  return poison;
}

interface RowsToSend extends BlockToSend {
  readonly missing: Uint32Array;
  /** Why all of them at once were refused, if they were. */
  readonly refusal: string | undefined;
}

async function sendRows(options: PiecewiseOptions, rowsToSend: RowsToSend): Promise<number | undefined> {
  const { stored, block, missing } = rowsToSend;
  let poison = 0;
  let triesLeft = PIECES_MAX;
  let known = rowsToSend.refusal;
  const pieces = missing.length === 0 ? [] : [missing];
  for (let rows = pieces.pop(); rows !== undefined; rows = pieces.pop()) {
    const payload = rows.length === block.rowCount ? block.payload : options.select?.(block.payload, rows);
    let reason = known;
    known = undefined;
    if (reason === undefined && payload !== undefined && triesLeft > 0) {
      triesLeft -= 1;
      const outcome = await options.attempt({
        token: pieceToken(block.token, rows),
        payloads: [payload],
        rowCount: rows.length,
      });
      if (outcome === undefined) return undefined;
      if (outcome.kind === "success") continue;
      reason = outcome.reason;
    }
    const halves = reason === undefined ? undefined : halvesOf(rows);
    if (halves !== undefined && options.select?.(block.payload, halves[0]) !== undefined) {
      pieces.push(halves[1], halves[0]);
      continue;
    }
    const why = reason ?? "among rows that were refused";
    await options.setRowsAside(stored, { block, rows, payload: payload ?? block.payload, reason: why });
    poison += rows.length;
  }
  return poison;
}

function halvesOf(rows: Uint32Array): readonly [Uint32Array, Uint32Array] | undefined {
  const middle = rows.length >> 1;
  return middle === 0 ? undefined : [rows.subarray(0, middle), rows.subarray(middle)];
}

function pieceToken(token: string, rows: Uint32Array): string {
  const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  return `${token}.${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}`;
}
