/**
 * One block of the spool as a file: all that is needed to deliver it, and to know its spans again, after a crash.
 *
 *     "TGBLK1\r\n"                     8 bytes; the line end shows a transfer that was not binary
 *     head length, payload length      UInt32 LE each
 *     crc32 of lengths, head and identities; crc32 of the payload      UInt32 LE each
 *     head                             JSON, UTF-8
 *     identities                       24 bytes a row; of a span: trace id, span id
 *     payload                          the rows as they will be sent: for ClickHouse in its Native format
 *
 * A Native payload names its columns and types, so a block written by an older version is still delivered by a newer one.
 */
import { crc32 } from "node:zlib";
import { IDENTITY_BYTES } from "../../pdata/identity.ts";
import { encodeHead, type HeadFacts, parseHead, spendOf } from "./block-head.ts";

const MAGIC = Buffer.from("TGBLK1\r\n", "latin1");
const FIXED_BYTES = MAGIC.length + 16;

export interface Block extends HeadFacts {
  /** 24 bytes for each row, in their order. */
  readonly identities: Uint8Array;
  readonly payload: Uint8Array;
}

/** Rows of a block that are set aside, and why. */
export interface RowsAside {
  readonly block: Block;
  readonly rows: Uint32Array;
  readonly payload: Uint8Array;
  readonly reason: string;
}

export type DecodedBlock =
  | { readonly kind: "block"; readonly block: Block }
  | { readonly kind: "corrupt"; readonly reason: string };

/** The bytes of a block's file. */
export function encodeBlock(block: Block): Buffer {
  return Buffer.concat(blockPieces(block));
}

/** The same in pieces, none of which is copied for it: the rows are a megabyte. */
export function blockPieces(block: Block): readonly Uint8Array[] {
  const json = encodeHead(block);
  const fixed = Buffer.alloc(FIXED_BYTES);
  MAGIC.copy(fixed);
  fixed.writeUInt32LE(json.length, 8);
  fixed.writeUInt32LE(block.payload.length, 12);
  fixed.writeUInt32LE(crc32(block.identities, crc32(json, crc32(fixed.subarray(8, 16)))), 16);
  fixed.writeUInt32LE(crc32(block.payload), 20);
  return [Buffer.concat([fixed, json]), block.identities, block.payload];
}

/** Reads a block's file. Torn, damaged and foreign files come back as `corrupt`; nothing throws. */
export function decodeBlock(bytes: Buffer): DecodedBlock {
  if (bytes.length < FIXED_BYTES) return corrupt("shorter than its fixed part");
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return corrupt("not a block");
  const jsonLength = bytes.readUInt32LE(8);
  const payloadLength = bytes.readUInt32LE(12);
  const identitiesLength = bytes.length - FIXED_BYTES - jsonLength - payloadLength;
  if (identitiesLength < 0) return corrupt("cut off");
  const payload = bytes.subarray(bytes.length - payloadLength);
  const headBytes = bytes.subarray(FIXED_BYTES, bytes.length - payloadLength);
  if (crc32(headBytes, crc32(bytes.subarray(8, 16))) !== bytes.readUInt32LE(16))
    return corrupt("checksum of the head is wrong");
  if (crc32(payload) !== bytes.readUInt32LE(20)) return corrupt("checksum of the rows is wrong");
  const head = parseHead(headBytes.subarray(0, jsonLength));
  if (head === undefined) return corrupt("head of another version");
  if (identitiesLength !== head.rows * IDENTITY_BYTES) return corrupt("identities do not match the rows");
  return {
    kind: "block",
    block: {
      token: head.token,
      createdUnixMs: head.created_unix_ms,
      rowCount: head.rows,
      ...(head.reason === undefined ? {} : { reason: head.reason }),
      identities: headBytes.subarray(jsonLength),
      spend: spendOf(head),
      payload,
    },
  };
}

/** Some rows of a block, to be set aside: without its spend, which counts with the block. */
export function blockOfRows({ block, rows, payload, reason }: RowsAside): Block {
  const identities = Buffer.concat(
    Array.from(rows, (row) => block.identities.subarray(row * IDENTITY_BYTES, (row + 1) * IDENTITY_BYTES)),
  );
  return { ...block, rowCount: rows.length, identities, spend: [], payload, reason };
}

function corrupt(reason: string): DecodedBlock {
  return { kind: "corrupt", reason };
}
