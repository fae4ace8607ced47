/** What `audit verify` says of a window. */
export type FindingKind =
  /** A record is not what its link covers, or what was signed. */
  | "changed"
  /** A record is gone, or never came. */
  | "dropped"
  /** A record stands where another one has its place, or where nothing was signed. */
  | "inserted"
  /** A record stands at another one's place. */
  | "reordered"
  /** Two lines of records go on from one place. */
  | "forked"
  /** The end of a chain is gone: more of it was signed than is there. */
  | "truncated"
  /** A checkpoint is not what was signed, or not the one that was published. */
  | "checkpoint_replaced"
  /** A checkpoint is gone. */
  | "checkpoint_dropped"
  /** A checkpoint is signed by a key that nobody vouches for. */
  | "wrong_key"
  /** The export is no whole export. */
  | "export_damaged";

export interface Finding {
  readonly kind: FindingKind;
  /** "" where it is not about a chain. */
  readonly chain: string;
  readonly agent: string;
  /** First and last place; 0 where it is not about places. */
  readonly from: number;
  readonly to: number;
  readonly trace_id: string;
  readonly span_id: string;
  /** For people. */
  readonly detail: string;
}

export interface VerifyReport {
  /** True when nothing was found. */
  readonly complete: boolean;
  readonly since: string;
  readonly until: string;
  readonly chains: number;
  /** Without a closing link at their end: their process runs, or was killed; that is no finding. */
  readonly open_chains: number;
  readonly records: number;
  /** Session, user or labels were redacted: these are not checked, all else is. */
  readonly redacted: number;
  /** Gone by retention; their hashes are there. */
  readonly expired: number;
  /** Not signed yet. */
  readonly unsigned: number;
  /** From the gate, without a link: of a version that made none. */
  readonly unchained: number;
  readonly checkpoints: number;
  readonly findings: readonly Finding[];
  /** Beyond those shown. */
  readonly more_findings: number;
}

const FINDINGS_MAX = 10_000;

/** Collects findings, bounded. */
export class Findings {
  readonly list: Finding[] = [];
  more = 0;

  add(kind: FindingKind, detail: string, where: Partial<Omit<Finding, "kind" | "detail">> = {}): void {
    if (this.list.length >= FINDINGS_MAX) {
      this.more += 1;
      return;
    }
    const { chain = "", agent = "", from = 0, to = from, trace_id = "", span_id = "" } = where;
    this.list.push({ kind, chain, agent, from, to, trace_id, span_id, detail });
  }
}
