/** What an export says of one chain, place by place. */
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

/** One place of a chain. */
export interface Place {
  links: readonly EvidenceLink[];
  /** Records that are what they say; only their hash and span are kept. */
  whole: readonly { readonly hash: string; readonly prev: string; readonly spanId: string }[];
  broken: readonly EvidenceRecord[];
}

/** Shared by all places: most have one link and one record, and there are millions of them. */
const NONE: readonly never[] = [];

const NANOS_A_MS = 1e6;

export class ChainEvidence {
  agent = "";
  readonly places = new Map<number, Place>();

  addLink(line: LinkLine): void {
    const [, , seq, hash, prev, isClosed, agent, traceId, spanId, endNs, receivedMs] = line;
    if (this.agent === "") this.agent = agent;
    const place = this.#at(seq);
    const { links } = place;
    if (links.some((link) => link.hash === hash && link.spanId === spanId)) return;
    const endMs = Number(endNs) / NANOS_A_MS;
    place.links = [...links, { hash, prev, isClosed, traceId, spanId, endMs, receivedMs: Number(receivedMs) }];
  }

  addRecord(checked: CheckedRecord, line: RecordLine): void {
    const { seq, hash, prev, problem } = checked;
    if (this.agent === "") this.agent = line[8];
    const place = this.#at(seq);
    if (problem === "") place.whole = [...place.whole, { hash, prev, spanId: line[2] }];
    else place.broken = [...place.broken, { checked, line }];
  }

  #at(seq: number): Place {
    let place = this.places.get(seq);
    if (place === undefined) this.places.set(seq, (place = { links: NONE, whole: NONE, broken: NONE }));
    return place;
  }
}
