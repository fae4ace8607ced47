/** What an export says of one chain, place by place. */
import {
  type EvidenceRows,
  HASH_AT,
  IS_CLOSED,
  IS_LINK,
  IS_RECORD,
  PREV_AT,
  ROW_BYTES,
  ROW_WORDS,
  SPAN_AT,
  TRACE_AT,
} from "./evidence-rows.ts";
import { PAGE_PLACES, PlacePage, type Said } from "./place-page.ts";
import type { CheckedRecord, RecordLine } from "./record-check.ts";

/** A line of an export. */
export type LinkLine = readonly [
  line: "link",
  chain: string,
  seq: number,
  hash: string,
  prev: string,
  closed: boolean,
  agent: string,
  trace_id: string,
  span_id: string,
  end_ns: string,
  received_ms: string,
];

export interface EvidenceLink {
  readonly hash: string;
  readonly prev: string;
  readonly isClosed: boolean;
  readonly traceId: string;
  readonly spanId: string;
  /** Whole: windows begin and end so. */
  readonly endMs: number;
  readonly receivedMs: number;
}

export interface EvidenceRecord {
  readonly checked: CheckedRecord;
  readonly line: RecordLine;
}

/** What is believed to be at a place. */
export interface Truth {
  readonly hash: string;
  readonly prev: string;
}

/** One place of a chain. */
export interface Place {
  readonly seq: number;
  links: readonly EvidenceLink[];
  /** Records that are what they say; only their hash and span are kept. */
  whole: readonly { readonly hash: string; readonly prev: string; readonly spanId: string }[];
  broken: readonly EvidenceRecord[];
  truth: Truth | undefined;
}

/** Digits of nanoseconds in which whole milliseconds end. */
export const DIGITS_OF_MS = 6;

/** A record that is what its link covers. */
export interface WholeRecord {
  readonly seq: number;
  readonly hash: string;
  readonly prev: string;
  readonly spanId: string;
}

export class ChainEvidence {
  agent = "";
  /** By the number of the page. */
  readonly #pages = new Map<number, PlacePage>();
  #last: PlacePage | undefined;
  /** What does not fit a page. */
  readonly #places = new Map<number, Place>();
  readonly #row = new Uint8Array(ROW_BYTES);
  readonly #rowWords = new Int32Array(this.#row.buffer);

  addRow(rows: EvidenceRows, row: number): void {
    const { words } = rows;
    const kind = (rows.kinds[row] ?? 0) & (IS_LINK | IS_CLOSED | IS_RECORD);
    const [endMs = 0, receivedMs = 0] = [rows.endsMs[row], rows.receivedMs[row]];
    this.#add(rows.seqs[row] ?? 0, { kind, words, at: row * ROW_WORDS, endMs, receivedMs });
  }

  addLink(seq: number, link: EvidenceLink): void {
    const { isClosed, endMs, receivedMs } = link;
    const kind = isClosed ? IS_LINK | IS_CLOSED : IS_LINK;
    if (this.#isRow(seq, link)) this.#add(seq, { kind, words: this.#rowWords, at: 0, endMs, receivedMs });
    else addLinkTo(this.#place(seq), link);
  }

  addWhole({ seq, hash, prev, spanId }: WholeRecord): void {
    const record = { hash, prev, spanId };
    if (this.#isRow(seq, { ...record, traceId: NO_TRACE }))
      this.#add(seq, { kind: IS_RECORD, words: this.#rowWords, at: 0, endMs: 0, receivedMs: 0 });
    else addWholeTo(this.#place(seq), record);
  }

  addBroken(record: EvidenceRecord): void {
    const place = this.#place(record.checked.seq);
    place.broken = [...place.broken, record];
  }

  /** In their order; `undefined` where pages do not say all. */
  get pages(): readonly PlacePage[] | undefined {
    if (this.#places.size > 0) return undefined;
    return [...this.#pages.values()].toSorted((a, b) => a.seq - b.seq);
  }

  /** All that is known, from here on without pages. */
  get places(): ReadonlyMap<number, Place> {
    for (const page of this.#pages.values()) {
      for (const [place, kind] of page.kinds.entries())
        if (kind !== 0) this.#places.set(page.seq + place, page.release(place));
    }
    this.#pages.clear();
    this.#last = undefined;
    return this.#places;
  }

  #add(seq: number, said: Said): void {
    if (this.#places.size > 0 && this.#places.has(seq)) {
      addTo(this.#place(seq), said);
      return;
    }
    const place = seq % PAGE_PLACES;
    if (!this.#page(seq - place).take(place, said)) addTo(this.#place(seq), said);
  }

  #page(seq: number): PlacePage {
    if (this.#last?.seq === seq) return this.#last;
    let page = this.#pages.get(seq);
    if (page === undefined) this.#pages.set(seq, (page = new PlacePage(seq)));
    return (this.#last = page);
  }

  /** A place that is on no page from now on. */
  #place(seq: number): Place {
    let place = this.#places.get(seq);
    if (place !== undefined) return place;
    const at = seq % PAGE_PLACES;
    const page = this.#pages.get(seq - at);
    const isKnown = page !== undefined && (page.kinds[at] ?? 0) !== 0;
    place = isKnown ? page.release(at) : { seq, links: [], whole: [], broken: [], truth: undefined };
    this.#places.set(seq, place);
    return place;
  }

  /** Writes it as a row of its own; false where it has not the form of one. */
  #isRow(seq: number, { hash, prev, spanId, traceId }: Ids): boolean {
    if (!Number.isSafeInteger(seq) || seq < 0) return false;
    const row = Buffer.from(this.#row.buffer);
    return (
      HASH.test(hash) &&
      HASH.test(prev) &&
      SPAN.test(spanId) &&
      TRACE.test(traceId) &&
      row.write(hash, HASH_AT, "hex") +
        row.write(prev, PREV_AT, "hex") +
        row.write(spanId, SPAN_AT, "hex") +
        row.write(traceId, TRACE_AT, "hex") ===
        ROW_BYTES
    );
  }
}

type Ids = Pick<EvidenceLink, "hash" | "prev" | "spanId" | "traceId">;

const HASH = /^[0-9a-f]{64}$/;
const SPAN = /^[0-9a-f]{16}$/;
const TRACE = /^[0-9a-f]{32}$/;
/** Of records, whose trace is not kept. */
const NO_TRACE = "0".repeat(32);

/** On a page of its own, what was said becomes a place as others read it. */
function addTo(place: Place, said: Said): void {
  const alone = new PlacePage(place.seq);
  alone.take(0, said);
  const { links, whole } = alone.release(0);
  for (const link of links) addLinkTo(place, link);
  for (const record of whole) addWholeTo(place, record);
}

function addLinkTo(place: Place, link: EvidenceLink): void {
  if (!place.links.some(({ hash, spanId }) => hash === link.hash && spanId === link.spanId))
    place.links = [...place.links, link];
}

function addWholeTo(place: Place, record: Place["whole"][number]): void {
  place.whole = [...place.whole, record];
}

export function linkOf(line: LinkLine): EvidenceLink {
  const [, , , hash, prev, isClosed, , traceId, spanId, endNs, receivedMs] = line;
  return {
    hash,
    prev,
    isClosed,
    traceId,
    spanId,
    endMs: Number(endNs.slice(0, -DIGITS_OF_MS)),
    receivedMs: Number(receivedMs),
  };
}
