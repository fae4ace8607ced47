/**
 * Sees of most records of an export, from their bytes, that they are whole: the text is hashed as it stands, and compared with the hash
 * that was recorded and with the columns that repeat it. Says nothing of any other: those are read and judged in full
 * (`hashed-line.ts`, `record-check.ts`). What is said here to be whole is whole there, which a property holds.
 */
import { isUtf8 } from "node:buffer";
import { hash as sha } from "node:crypto";
import { LINK_FORM } from "@tollgate/instrumentation/audit";
import {
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_TOLLGATE_AGENT_NAME,
  ATTR_TOLLGATE_AUDIT_SEAL,
  ATTR_TOLLGATE_COST_NANO_USD,
  ATTR_TOLLGATE_COST_STATUS,
  ATTR_TOLLGATE_DECISION,
  ATTR_TOLLGATE_DECISION_RULE,
} from "@tollgate/instrumentation/semconv";
import { SEAL_HEAD, TEXT_HEAD } from "./hashed-line.ts";
import { type KeyShape, KeyShapes } from "./key-shapes.ts";
import { type EvidenceRows, HASH_AT, IS_RECORD, IS_REDACTED, PREV_AT, ROW_BYTES, SPAN_AT } from "./evidence-rows.ts";
import { digitsTo, isAt, isText, nextColumn, numberOf, readHex, SameText, textOf } from "./line-bytes.ts";
import { TextMarks } from "./text-marks.ts";

/** Where the text has what columns repeat; -1 where it has not. */
interface TextShape extends KeyShape {
  readonly agent: number;
  readonly tool: number;
  readonly requested: number;
  readonly responded: number;
  readonly decision: number;
  readonly rule: number;
  readonly cost: number;
  readonly costStatus: number;
  readonly seal: number;
}

const LINE_BEGIN = Buffer.from('["hashed", ');
const TEXT_BEGIN = Buffer.from(`["${LINK_FORM}","`);
const TRUE = Buffer.from("true, ");
const FALSE = Buffer.from("false, ");

/** Places of the text. */
const [CHAIN, SEQ, PREV, SPAN] = [1, 2, 3, 5] as const;
const CLOSE = 0x5d;

const COLUMNS = 7;
/** Places of the texts behind the flag. */
const [AGENT, TOOL, MODEL, DECISION, RULE, COST, COST_STATUS] = [0, 1, 2, 3, 4, 5, 6] as const;

export class RecordScan {
  readonly #text = new TextMarks();
  readonly #hash = new TextMarks();
  readonly #seal = new TextMarks();
  readonly #columns = new TextMarks();
  readonly #hashed = new KeyShapes("hash", textShape);
  readonly #sealed = new KeyShapes("seal", (shape) => shape);
  readonly #chain = new SameText();

  /** Adds the line from `from` to `to`, if it is whole; false where it is to be read in full. */
  scan(bytes: Buffer, { from, to }: { readonly from: number; readonly to: number }, rows: EvidenceRows): boolean {
    if (!isAt(bytes, from, LINE_BEGIN)) return false;
    const text = this.#text;
    const textAt = from + LINE_BEGIN.length;
    text.clear();
    const textTo = text.readList(bytes, textAt);
    if (textTo < 0 || !isAt(bytes, textAt, TEXT_BEGIN) || text.count < TEXT_HEAD) return false;
    // In the head each byte is a character.
    if (text.plainTo < (text.ends[TEXT_HEAD - 1] ?? 0)) return false;
    this.#hash.clear();
    const hashTo = this.#hash.readText(bytes, nextColumn(bytes, textTo));
    const keysAt = nextColumn(bytes, hashTo);
    const shape = keysAt < 0 ? undefined : this.#hashed.at(bytes, keysAt);
    if (shape === undefined || text.count !== TEXT_HEAD + shape.keys.length) return false;
    if (!isText(bytes, text, { place: TEXT_HEAD - 1, text: shape.digest })) return false;
    const flagAt = this.#sealTo(bytes, nextColumn(bytes, keysAt + shape.bytes.length), shape);
    if (flagAt < 0 || this.#columnsTo(bytes, flagAt, shape) !== to) return false;
    const hash = sha("sha256", bytes.subarray(textAt, textTo), "hex");
    if (!isText(bytes, this.#hash, { place: 0, text: hash })) return false;
    if (!this.#isPlain(to) && !isUtf8(bytes.subarray(from, to))) return false;
    return this.#add(bytes, rows, shape);
  }

  #isPlain(to: number): boolean {
    return Math.min(this.#text.plainTo, this.#seal.plainTo, this.#columns.plainTo) >= to;
  }

  #add(bytes: Buffer, rows: EvidenceRows, shape: TextShape): boolean {
    const text = this.#text;
    const row = rows.count;
    const start = row * ROW_BYTES;
    const [seqAt = 0, seqTo = 0] = [text.starts[SEQ], text.ends[SEQ]];
    const isRead =
      digitsTo(bytes, seqAt) === seqTo &&
      readHex(bytes, this.#hash, { place: 0, into: rows.bytes, at: start + HASH_AT, length: 32 }) &&
      readHex(bytes, text, { place: PREV, into: rows.bytes, at: start + PREV_AT, length: 32 }) &&
      readHex(bytes, text, { place: SPAN, into: rows.bytes, at: start + SPAN_AT, length: 8 });
    if (!isRead) return false;
    const chain = rows.chainPlace(this.#chain.of(bytes, text, CHAIN));
    if (rows.agents[chain] === "") rows.agents[chain] = textOf(bytes, this.#columns, AGENT);
    rows.kinds[row] = shape.seal >= 0 && this.#seal.count === 0 ? IS_RECORD | IS_REDACTED : IS_RECORD;
    rows.chains[row] = chain;
    rows.seqs[row] = numberOf(bytes, seqAt, seqTo);
    rows.count = row + 1;
    return true;
  }

  /** Reads the seal and its keys. The position behind them, or -1 where they are not what the text covers. */
  #sealTo(bytes: Buffer, at: number, shape: TextShape): number {
    const seal = this.#seal;
    seal.clear();
    if (at < 0) return -1;
    const sealTo = seal.readList(bytes, at);
    const keysAt = nextColumn(bytes, sealTo);
    const keys = keysAt < 0 ? undefined : this.#sealed.at(bytes, keysAt);
    if (keys === undefined) return -1;
    const to = nextColumn(bytes, keysAt + keys.bytes.length);
    if (seal.count === 0) return to;
    const isFitting =
      shape.seal >= 0 &&
      keys.keys.length > 0 &&
      seal.count === SEAL_HEAD + keys.keys.length &&
      isAt(bytes, at, TEXT_BEGIN) &&
      isText(bytes, seal, { place: SEAL_HEAD - 1, text: keys.digest });
    if (!isFitting || seal.plainTo < (seal.ends[SEAL_HEAD - 1] ?? 0)) return -1;
    const made = sha("sha256", bytes.subarray(at, sealTo), "hex");
    return isText(bytes, this.#text, { place: TEXT_HEAD + shape.seal, text: made }) ? to : -1;
  }

  /** Behind a flag and seven columns that say what the text says, and the end of the line; -1 where they do not. */
  #columnsTo(bytes: Buffer, flagAt: number, shape: TextShape): number {
    const columns = this.#columns;
    columns.clear();
    const isClaimed = isAt(bytes, flagAt, TRUE);
    if (!isClaimed && !isAt(bytes, flagAt, FALSE)) return -1;
    let at = flagAt + (isClaimed ? TRUE : FALSE).length;
    for (let column = 0; column < COLUMNS; column += 1) {
      at = columns.readText(bytes, at);
      if (column < COLUMNS - 1) at = nextColumn(bytes, at);
      if (at < 0) return -1;
    }
    return bytes[at] === CLOSE && this.#repeats(bytes, shape, isClaimed) ? at + 1 : -1;
  }

  /** The same questions as `columnProblem` asks (record-check.ts), on bytes: where they differ, that one is asked. */
  #repeats(bytes: Buffer, shape: TextShape, isClaimed: boolean): boolean {
    const says = (column: number, key: number): boolean => this.#isSame(bytes, column, key);
    const hasStatus = !this.#isEmpty(COST_STATUS);
    const used = this.#isIn(shape.responded) ? shape.responded : shape.requested;
    return (
      says(DECISION, shape.decision) &&
      says(RULE, shape.rule) &&
      (!this.#isIn(shape.costStatus) || says(COST_STATUS, shape.costStatus)) &&
      (!hasStatus || !this.#isIn(shape.cost) || says(COST, shape.cost)) &&
      (this.#isEmpty(TOOL) || says(TOOL, shape.tool)) &&
      says(MODEL, used) &&
      (isClaimed || says(AGENT, shape.agent))
    );
  }

  #isEmpty(column: number): boolean {
    return this.#columns.starts[column] === this.#columns.ends[column];
  }

  /** Whether the text has a value there that is not empty. */
  #isIn(key: number): boolean {
    const { starts, ends } = this.#text;
    return key >= 0 && starts[TEXT_HEAD + key] !== ends[TEXT_HEAD + key];
  }

  #isSame(bytes: Buffer, column: number, key: number): boolean {
    const { starts, ends } = this.#columns;
    const from = starts[column] ?? 0;
    const length = (ends[column] ?? 0) - from;
    if (key < 0) return length === 0;
    const said = this.#text.starts[TEXT_HEAD + key] ?? 0;
    if ((this.#text.ends[TEXT_HEAD + key] ?? 0) - said !== length) return false;
    for (let index = 0; index < length; index += 1) if (bytes[from + index] !== bytes[said + index]) return false;
    return true;
  }
}

function textShape(shape: KeyShape): TextShape {
  const place = (key: string): number => shape.keys.indexOf(key);
  return {
    ...shape,
    agent: place(ATTR_TOLLGATE_AGENT_NAME),
    tool: place(ATTR_GEN_AI_TOOL_NAME),
    requested: place(ATTR_GEN_AI_REQUEST_MODEL),
    responded: place(ATTR_GEN_AI_RESPONSE_MODEL),
    decision: place(ATTR_TOLLGATE_DECISION),
    rule: place(ATTR_TOLLGATE_DECISION_RULE),
    cost: place(ATTR_TOLLGATE_COST_NANO_USD),
    costStatus: place(ATTR_TOLLGATE_COST_STATUS),
    seal: place(ATTR_TOLLGATE_AUDIT_SEAL),
  };
}
