/**
 * Verifies an export, line by line, whatever their order: what it says of a window rests on the public keys alone. Keeps some
 * hundred bytes a record.
 */
import { EXPORT_FORM, SIGNED_AFTER_MS_MAX } from "../export-form.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { type PublicKey, trustedKeys } from "../signing-keys.ts";
import { checkChain, type Window } from "./chain-check.ts";
import { ChainEvidence, type LinkLine } from "./chain-evidence.ts";
import {
  checkCheckpoints,
  type CheckpointLine,
  checkpointOf,
  type KnownHead,
  type SignedLeaf,
} from "./checkpoint-check.ts";
import { Findings, type VerifyReport } from "./finding.ts";
import { checkRecord, type RecordLine } from "./record-check.ts";

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
  | RecordLine;

export class Verifier {
  readonly #options: VerifierOptions;
  readonly #findings = new Findings();
  readonly #keys: PublicKey[] = [];
  readonly #checkpoints: Checkpoint[] = [];
  readonly #chains = new Map<string, ChainEvidence>();
  #head: ExportHead | undefined;
  #isEnded = false;
  #records = 0;
  #redacted = 0;
  #unchained = 0;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /** Takes one line of an export. A line that is none is a finding. */
  add(text: string): void {
    if (text === "") return;
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
      this.#take(line);
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
      this.#findings.add("export_damaged", `not a line of an export: ${text.slice(0, 80)}`);
    }
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

  #take(line: Line): void {
    switch (line[0]) {
      case "record":
        this.#takeRecord(line);
        break;
      case "link":
        this.#chain(line[1]).addLink(line);
        break;
      case "checkpoint":
        this.#checkpoints.push(checkpointOf(line));
        break;
      case "key":
        this.#keys.push(line[1]);
        break;
      case "export":
        if (line[1] !== EXPORT_FORM) this.#findings.add("export_damaged", `it is of the form ${line[1]}`);
        this.#head = line[2];
        break;
      case "end":
        this.#isEnded = true;
        break;
      default:
        throw new TypeError("a line of another kind");
    }
  }

  #takeRecord(line: RecordLine): void {
    const checked = checkRecord(line);
    if (checked === undefined) {
      this.#unchained += 1;
      return;
    }
    this.#records += 1;
    if (checked.isRedacted) this.#redacted += 1;
    this.#chain(checked.chain).addRecord(checked, line);
  }

  #chain(id: string): ChainEvidence {
    let chain = this.#chains.get(id);
    if (chain === undefined) this.#chains.set(id, (chain = new ChainEvidence()));
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
      const verdict = checkChain({ chain, evidence, leaves: signed, window, signedUpToMs, findings });
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
