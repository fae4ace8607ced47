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
  const { spend: _, ...known } = block;
  return withLateSpend(known, bytes.subarray(FIXED_BYTES, FIXED_BYTES + bytes.readUInt32LE(8)));
}

/** Reads a block's file. Torn, damaged and foreign files come back as `corrupt`; nothing throws. */
export function decodeBlock(bytes: Buffer): DecodedBlock {
  const parts = partsOf(bytes);
  if (parts.kind === "corrupt") return parts;
  const head = parseHead(parts.head);
  if (head === undefined) return corrupt("head of another version");
  const { identities, payload } = parts;
  if (identities.length !== head.rows * IDENTITY_BYTES) return corrupt("identities do not match the rows");
  const { token, created_unix_ms: createdUnixMs, rows: rowCount, reason } = head;
  const facts = { token, createdUnixMs, rowCount, ...(reason === undefined ? {} : { reason }) };
  return { kind: "block", block: { ...facts, identities, spend: spendOf(head), payload } };
}

/**
 * The same for a block whose head was read or written before: it is not read again until somebody asks what was spent, which is
 * most of the work. While the engine is behind, every block comes this way.
 */
export function decodeAgain(bytes: Buffer, facts: Omit<HeadFacts, "spend">): DecodedBlock {
  const parts = partsOf(bytes);
  if (parts.kind === "corrupt") return parts;
  const { head, identities, payload } = parts;
  if (identities.length !== facts.rowCount * IDENTITY_BYTES) return corrupt("identities do not match the rows");
  return { kind: "block", block: withLateSpend({ ...facts, identities, payload }, head) };
}

function withLateSpend(block: Omit<Block, "spend">, json: Buffer): Block {
  return {
    ...block,
    get spend() {
      const head = parseHead(json);
      return head === undefined ? [] : spendOf(head);
    },
  };
}

interface Parts extends Pick<Block, "identities" | "payload"> {
  readonly kind: "parts";
  readonly head: Buffer;
}

/** The parts of a file whose checksums hold. */
function partsOf(bytes: Buffer): Parts | Extract<DecodedBlock, { kind: "corrupt" }> {
  if (bytes.length < FIXED_BYTES) return corrupt("shorter than its fixed part");
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return corrupt("not a block");
  const headLength = bytes.readUInt32LE(8);
  const payloadAt = bytes.length - bytes.readUInt32LE(12);
  const identitiesAt = FIXED_BYTES + headLength;
  if (identitiesAt > payloadAt) return corrupt("cut off");
  const payload = bytes.subarray(payloadAt);
  if (crc32(bytes.subarray(FIXED_BYTES, payloadAt), crc32(bytes.subarray(8, 16))) !== bytes.readUInt32LE(16))
    return corrupt("checksum of the head is wrong");
  if (crc32(payload) !== bytes.readUInt32LE(20)) return corrupt("checksum of the rows is wrong");
  const head = bytes.subarray(FIXED_BYTES, identitiesAt);
  return { kind: "parts", head, identities: bytes.subarray(identitiesAt, payloadAt), payload };
}

/** Some rows of a block, to be set aside: without its spend, which counts with the block. */
export function blockOfRows({ block, rows, payload, reason }: RowsAside): Block {
  const identities = Buffer.concat(
    Array.from(rows, (row) => block.identities.subarray(row * IDENTITY_BYTES, (row + 1) * IDENTITY_BYTES)),
  );
  return { ...block, rowCount: rows.length, identities, spend: [], payload, reason };
}

function corrupt(reason: string): Extract<DecodedBlock, { kind: "corrupt" }> {
  return { kind: "corrupt", reason };
}
