/**
 * Verifies an export, line by line, whatever their order: what it says of a window rests on the public keys alone. Keeps some
 * hundred bytes a record.
 */
import { EXPORT_FORM, EXPORT_FORM_BEFORE, SIGNED_AFTER_MS_MAX } from "../export-form.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { type PublicKey, trustedKeys } from "../signing-keys.ts";
import { checkChain, type Window } from "./chain-check.ts";
import { ChainEvidence, type LinkLine, linkOf } from "./chain-evidence.ts";
import {
  checkCheckpoints,
  type CheckpointLine,
  checkpointOf,
  type KnownHead,
  type SignedLeaf,
} from "./checkpoint-check.ts";
import { type EvidenceRows, IS_RECORD, IS_REDACTED } from "./evidence-rows.ts";
import { Findings, type VerifyReport } from "./finding.ts";
import { type HashedLine, readHashedLine } from "./hashed-line.ts";
import { checkRecord, type RecordLine } from "./record-check.ts";
import { wholeVerdict } from "./whole-chain.ts";

export interface VerifierOptions {
  /** Raw public keys in base64; `undefined`: those of the export, whose source is trusted. */
  readonly trusted: readonly string[] | undefined;
  /** Heads that were kept elsewhere. @default none */
  readonly anchored?: readonly KnownHead[];
}

interface ExportHead {
  readonly since_ms: number;
  readonly until_ms: number;
  readonly exported_ms: number;
  readonly retained_from_ms: number | null;
  readonly stored_to_ms: number;
  readonly settled_to_ms: number;
  readonly head: KnownHead | null;
  readonly records_max: number;
}

type Line =
  | readonly ["export", string, ExportHead]
  | readonly ["key", PublicKey]
  | readonly ["end"]
  | CheckpointLine
  | LinkLine
  | HashedLine
  | RecordLine;

export class Verifier {
  readonly #options: VerifierOptions;
  readonly #findings = new Findings();
  readonly #keys: PublicKey[] = [];
  readonly #checkpoints: Checkpoint[] = [];
  readonly #chains = new Map<string, ChainEvidence>();
  /** Lines of one chain often come one after the other. */
  #last: { readonly id: string; readonly chain: ChainEvidence } | undefined;
  #head: ExportHead | undefined;
  #isEnded = false;
  #records = 0;
  #redacted = 0;
  #unchained = 0;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  finish(): VerifyReport {
    const head = this.#head;
    if (head === undefined) this.#findings.add("export_damaged", "it has no first line");
    if (!this.#isEnded) this.#findings.add("export_damaged", "its end is missing");
    if (this.#records >= (head?.records_max ?? Infinity))
      this.#findings.add("export_damaged", "it has more records than an export holds: choose a shorter window");
    const leaves = this.#checkedLeaves();
    const window: Window = {
      sinceMs: head?.since_ms ?? 0,
      untilMs: head?.until_ms ?? Infinity,
      retainedFromMs: head?.retained_from_ms ?? undefined,
      storedToMs: head?.stored_to_ms ?? Infinity,
      settledToMs: head?.settled_to_ms ?? Infinity,
    };
    return { ...this.#checkChains(leaves, window), ...timesOf(head) };
  }

  /** Takes a block of whole lines and what was read of it. */
  take(block: Buffer, rows: EvidenceRows): void {
    const chains: (ChainEvidence | undefined)[] = [];
    let next = 0;
    const takeRows = (to: number): void => {
      for (; next < to; next += 1) {
        const kind = rows.kinds[next] ?? 0;
        if ((kind & IS_RECORD) !== 0) this.#count({ isRedacted: (kind & IS_REDACTED) !== 0 });
        const place = rows.chains[next] ?? 0;
        const chain = (chains[place] ??= this.#chain(rows.chainIds[place] ?? ""));
        if (chain.agent === "") chain.agent = rows.agents[place] ?? "";
        chain.addRow(rows, next);
      }
    };
    for (const { before, from, to } of rows.inFull) {
      takeRows(before);
      this.#readInFull(block.toString("utf8", from, to));
    }
    takeRows(rows.count);
  }

  /** Takes one line. One that is none of an export is a finding. */
  #readInFull(text: string): void {
    try {
      this.#take(JSON.parse(text) as Line);
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
      this.#findings.add("export_damaged", `not a line of an export: ${text.slice(0, 80)}`);
    }
  }

  #count({ isRedacted }: { readonly isRedacted: boolean }): void {
    this.#records += 1;
    if (isRedacted) this.#redacted += 1;
  }

  #take(line: Line): void {
    switch (line[0]) {
      case "record":
        this.#takeRecord(line, false);
        break;
      case "hashed": {
        const { record, isOdd } = readHashedLine(line);
        this.#takeRecord(record, isOdd);
        break;
      }
      case "link":
        this.#chain(line[1], line[6]).addLink(line[2], linkOf(line));
        break;
      case "checkpoint":
        this.#checkpoints.push(checkpointOf(line));
        break;
      case "key":
        this.#keys.push(line[1]);
        break;
      case "export":
        if (line[1] !== EXPORT_FORM && line[1] !== EXPORT_FORM_BEFORE)
          this.#findings.add("export_damaged", `it is of the form ${line[1]}`);
        this.#head = line[2];
        break;
      case "end":
        this.#isEnded = true;
        break;
      default:
        throw new TypeError("a line of another kind");
    }
  }

  #takeRecord(line: RecordLine, isOdd: boolean): void {
    const checked = checkRecord(line, isOdd);
    if (checked === undefined) {
      this.#unchained += 1;
      return;
    }
    this.#count(checked);
    const chain = this.#chain(checked.chain, line[8]);
    if (checked.problem === "") chain.addWhole({ ...checked, spanId: line[2] });
    else chain.addBroken({ checked, line });
  }

  /** The agent is that of the first line. */
  #chain(id: string, agent = ""): ChainEvidence {
    let chain = this.#last?.id === id ? this.#last.chain : this.#chains.get(id);
    if (chain === undefined) this.#chains.set(id, (chain = new ChainEvidence()));
    if (this.#last?.id !== id) this.#last = { id, chain };
    if (chain.agent === "") chain.agent = agent;
    return chain;
  }

  #checkedLeaves(): readonly SignedLeaf[] {
    const { trusted, anchored = [] } = this.#options;
    const given = trusted ?? this.#keys.map((key) => key.public_key);
    const own = this.#head?.head ?? undefined;
    const isExported = own !== undefined && this.#reaches(own);
    if (isExported && this.#checkpoints.length === 0)
      this.#findings.add("checkpoint_dropped", `those up to ${own.number} of the log ${own.log}`);
    return checkCheckpoints({
      checkpoints: this.#checkpoints,
      keys: trustedKeys(this.#keys, given),
      heads: [...(isExported ? [own] : []), ...anchored.filter((head) => this.#reaches(head))],
      findings: this.#findings,
    });
  }

  /** Whether a head that was signed then has to be in the export. */
  #reaches({ time }: KnownHead): boolean {
    const at = Date.parse(time);
    return at >= (this.#head?.since_ms ?? 0) && at < (this.#head?.until_ms ?? Infinity) + SIGNED_AFTER_MS_MAX;
  }

  #checkChains(leaves: readonly SignedLeaf[], window: Window): Omit<VerifyReport, "since" | "until"> {
    const byChain = Map.groupBy(leaves, ({ leaf }) => leaf[0]);
    const signedUpToMs = leaves.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
    const findings = this.#findings;
    const totals = { open_chains: 0, expired: 0, unsigned: 0 };
    for (const [chain, evidence] of this.#chains) {
      const signed = byChain.get(chain) ?? [];
      const task = { chain, evidence, leaves: signed, window, signedUpToMs, findings };
      const verdict = wholeVerdict(task) ?? checkChain(task);
      if (verdict.isOpen) totals.open_chains += 1;
      totals.expired += verdict.expired;
      totals.unsigned += verdict.unsigned;
    }
    for (const [chain, signed] of byChain) {
      const { leaf, number, atMs, sinceMs } = signed.at(-1) ?? {};
      if (leaf === undefined || this.#chains.has(chain)) continue;
      // It arrived in the window: between its checkpoint and the one before.
      if ((sinceMs ?? 0) >= window.sinceMs && (atMs ?? 0) < Math.min(window.untilMs, window.storedToMs))
        findings.add("dropped", `checkpoint ${number} has signed it, and nothing of it is there`, {
          chain,
          from: 1,
          to: leaf[1],
        });
    }
    return {
      complete: findings.list.length === 0,
      chains: this.#chains.size,
      ...totals,
      records: this.#records,
      redacted: this.#redacted,
      unchained: this.#unchained,
      checkpoints: this.#checkpoints.length,
      findings: findings.list,
      more_findings: findings.more,
    };
  }
}

function timesOf(head: ExportHead | undefined): Pick<VerifyReport, "since" | "until"> {
  return { since: isoOf(head?.since_ms ?? 0), until: isoOf(head?.until_ms ?? 0) };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
