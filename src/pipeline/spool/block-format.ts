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
import { ByteSink } from "../native/byte-sink.ts";
import { type HeadFacts, parseHead, spendOf, writeHead } from "./block-head.ts";

const MAGIC = Buffer.from("TGBLK1\r\n", "latin1");
const FIXED_BYTES = MAGIC.length + 16;
/** Written over once the lengths and checksums are known. */
const NO_FIXED_PART = Buffer.alloc(FIXED_BYTES);

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

/** A block as it lies in its file. */
export interface BlockFile {
  readonly bytes: Buffer;
  /** Identities and payload are views of the bytes. */
  readonly block: Block;
}

/** What a block is made of: its rows are written straight into its file. */
export interface NewBlock extends HeadFacts {
  readonly identities: Uint8Array;
  readonly writeRows: (sink: ByteSink) => void;
}

/** Writes a block's file into an empty sink; good as long as the sink's bytes are. */
export function writeBlock(sink: ByteSink, { identities, writeRows, ...facts }: NewBlock): BlockFile {
  sink.raw(NO_FIXED_PART);
  writeHead(sink, facts);
  const headLength = sink.length - FIXED_BYTES;
  sink.raw(identities);
  const payloadAt = sink.length;
  writeRows(sink);
  const bytes = sink.bytes();
  const payload = bytes.subarray(payloadAt);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(headLength, 8);
  bytes.writeUInt32LE(payload.length, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(FIXED_BYTES, payloadAt), crc32(bytes.subarray(8, 16))), 16);
  bytes.writeUInt32LE(crc32(payload), 20);
  const identitiesAt = FIXED_BYTES + headLength;
  return { bytes, block: { ...facts, identities: bytes.subarray(identitiesAt, payloadAt), payload } };
}

/** The bytes of a block's file. */
export function encodeBlock({ payload, ...block }: Block): Buffer {
  const sink = new ByteSink(payload.length);
  return writeBlock(sink, { ...block, writeRows: (rows) => rows.raw(payload) }).bytes;
}

/** The block of a file that this process wrote: it is read again, without what it spent, until somebody asks for that. */
export function keptBlock({ bytes, block }: BlockFile): Block {
  const { spend: _, ...facts } = block;
  return {
    ...facts,
    get spend() {
      const head = parseHead(bytes.subarray(FIXED_BYTES, FIXED_BYTES + bytes.readUInt32LE(8)));
      return head === undefined ? [] : spendOf(head);
    },
  };
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
