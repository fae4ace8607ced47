/** What an export says of one chain, place by place. */
import type { WholeRecord } from "./record-scan.ts";
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

/** Shared by all places: most have one link and one record, and there are millions of them. */
const NONE: readonly never[] = [];

export const NANOS_A_MS = 1e6;

export class ChainEvidence {
  agent = "";
  readonly places = new Map<number, Place>();

  addLink(seq: number, link: EvidenceLink): void {
    const place = this.#at(seq);
    const { links } = place;
    if (links === NONE) place.links = [link];
    else if (!links.some(({ hash, spanId }) => hash === link.hash && spanId === link.spanId))
      place.links = [...links, link];
  }

  addWhole({ seq, hash, prev, spanId }: Pick<WholeRecord, "seq" | "hash" | "prev" | "spanId">): void {
    const place = this.#at(seq);
    const record = { hash, prev, spanId };
    place.whole = place.whole === NONE ? [record] : [...place.whole, record];
  }

  addBroken(record: EvidenceRecord): void {
    const place = this.#at(record.checked.seq);
    place.broken = [...place.broken, record];
  }

  #at(seq: number): Place {
    let place = this.places.get(seq);
    if (place === undefined)
      this.places.set(seq, (place = { seq, links: NONE, whole: NONE, broken: NONE, truth: undefined }));
    return place;
  }
}

export function linkOf(line: LinkLine): EvidenceLink {
  const [, , , hash, prev, isClosed, , traceId, spanId, endNs, receivedMs] = line;
  return { hash, prev, isClosed, traceId, spanId, endMs: Number(endNs) / NANOS_A_MS, receivedMs: Number(receivedMs) };
}
