/**
 * Governance while the service runs. Promise: what is in force is always one whole valid set of documents. A new one that is
 * valid is put in force at once, budgets first and durably; of one that is not, nothing is taken, the last good set stays,
 * and the log and `status` say so until it is mended.
 */
import { FilesWatch } from "../config/governance/files-watch.ts";
import type { Governance } from "../config/governance/governance.ts";
import type { GovernanceReader } from "../config/governance/governance-reader.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { ConfigInvalid, formatProblem } from "../config/problem.ts";
import { type RecordChange } from "../changes/change-log.ts";
import { writeBudget } from "../budget/rules/events.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** Problems are many when a file is broken at its top; the first ones tell. */
const PROBLEMS_SAID_MAX = 10;

export interface GovernanceRefusal {
  readonly atMs: number;
  readonly problems: readonly string[];
}

export type ReloadOutcome = "applied" | "unchanged" | "refused";

export interface LiveGovernanceOptions {
  readonly governance: Governance;
  readonly reader: GovernanceReader;
  /** Puts a set in force. Rejects when it could not, and nothing has changed then. */
  readonly apply: (governance: Governance, changes: GovernanceChanges) => Promise<void>;
  /** The version that is in force. */
  readonly version: () => string;
  readonly recordChange: RecordChange;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** `undefined`: files are read again only when somebody asks for it. */
  readonly pollIntervalMs: number | undefined;
}

export interface GovernanceChanges {
  readonly areBudgetsNew: boolean;
}

export class LiveGovernance {
  readonly #options: LiveGovernanceOptions;
  readonly #watch: FilesWatch | undefined;
  #current: Governance;
  #appliedAtMs: number;
  #refusal: GovernanceRefusal | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LiveGovernanceOptions) {
    this.#options = options;
    this.#current = options.governance;
    this.#appliedAtMs = options.clock.now();
    const { reader, clock, pollIntervalMs } = options;
    this.#watch =
      pollIntervalMs === undefined
        ? undefined
        : new FilesWatch({ paths: reader.paths, clock, pollIntervalMs, onChange: () => void this.reload("files") });
  }

  /** What is in force. */
  get current(): Governance {
    return this.#current;
  }

  get appliedAtMs(): number {
    return this.#appliedAtMs;
  }

  /** Why the files as they are now are not in force; `undefined` when they are. */
  get refusal(): GovernanceRefusal | undefined {
    return this.#refusal;
  }

  start(): void {
    for (const what of unenforced(this.#current)) this.#options.telemetry.emit("governance_not_enforced", { what });
    this.#watch?.start();
  }

  async stop(): Promise<void> {
    this.#watch?.stop();
    await this.#turn;
  }

  /** Reads the files and puts them in force if they are valid and new. Never rejects; one at a time. */
  reload(trigger: string): Promise<ReloadOutcome> {
    const outcome = this.#turn.then(() => this.#reload(trigger));
    this.#turn = outcome;
    return outcome;
  }

  /** One record for each document that came, went or changed. The files do not say who wrote them: version control does. */
  async #record(trigger: string, next: Governance): Promise<void> {
    const { recordChange, telemetry } = this.#options;
    try {
      for (const change of differences(this.#current, next)) {
        await recordChange({ author: `governance ${trigger}`, action: "document", ...change });
      }
    } catch (error) {
      telemetry.emit("change_not_recorded", { action: "document", error: errorText(error) });
    }
  }

  async #reload(trigger: string): Promise<ReloadOutcome> {
    const { reader, apply, telemetry, clock, version } = this.#options;
    try {
      const next = reader.read();
      const isNew = next.fingerprint !== this.#current.fingerprint || this.#refusal !== undefined;
      if (isNew) await apply(next, { areBudgetsNew: budgetsText(next) !== budgetsText(this.#current) });
      if (isNew) await this.#record(trigger, next);
      const said = new Set(unenforced(this.#current));
      this.#current = next;
      this.#refusal = undefined;
      for (const what of unenforced(next)) if (!said.has(what)) telemetry.emit("governance_not_enforced", { what });
      if (!isNew) return "unchanged";
      this.#appliedAtMs = clock.now();
      const { budgets, policies, agents, prices } = next;
      telemetry.emit("governance_applied", {
        trigger,
        version: version(),
        budgets: budgets.length,
        policies: policies.length,
        agents: agents.length,
        prices: prices.length,
      });
      return "applied";
    } catch (error) {
      const all = error instanceof ConfigInvalid ? error.problems.map(formatProblem) : [errorText(error)];
      const problems = all.slice(0, PROBLEMS_SAID_MAX);
      if (all.length > problems.length) problems.push(`and ${all.length - problems.length} more`);
      this.#refusal = { atMs: clock.now(), problems };
      telemetry.emit("governance_refused", { trigger, version: version(), problems: problems.join("; ") });
      return "refused";
    }
  }
}

/** Documents by kind and name. Prices are public, and their documents the longest: only that they changed is said. */
function documentsOf({ budgets, policies, agents, tools, alerts, runaways }: Governance): Map<string, unknown> {
  const all = { budget: budgets.map(writeBudget), agent: agents, tool: tools, alert: alerts, runaway: runaways };
  const documents = new Map<string, unknown>();
  for (const [kind, list] of Object.entries(all)) {
    for (const document of list as readonly { readonly name: string }[])
      documents.set(`${kind} ${document.name}`, document);
  }
  for (const { name, document } of policies) documents.set(`policy ${name}`, document);
  return documents;
}

/** What one set of documents says otherwise than the other. */
function differences(
  from: Governance,
  to: Governance,
): readonly { subject: string; before?: unknown; after?: unknown }[] {
  const [before, after] = [documentsOf(from), documentsOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key)))
    .map((subject) => ({
      subject,
      ...(before.has(subject) ? { before: before.get(subject) } : {}),
      ...(after.has(subject) ? { after: after.get(subject) } : {}),
    }));
}

function budgetsText({ budgets }: Governance): string {
  return JSON.stringify(budgets.map(writeBudget));
}
