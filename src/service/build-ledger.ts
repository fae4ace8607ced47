import { createLocalLedger } from "../budget/local/create-local-ledger.ts";
import { createValkeyLedger, type RecordSharing } from "../budget/valkey/create-valkey-ledger.ts";
import type { LedgerNotice, StoredLedger } from "../budget/ledger-notice.ts";
import type { PastSeeking } from "../budget/past.ts";
import type { Governance } from "../config/governance/governance.ts";
import type { RecordChange } from "../changes/change-log.ts";
import type { SharedTable } from "../support/shared-table.ts";
import type { Clock } from "../support/clock.ts";
import type { LogFields, LogLevel } from "../telemetry/log.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Config } from "./config-schema.ts";
import type { DataDirectory } from "./data-directory.ts";
import { LedgerFindings } from "./ledger-findings.ts";
import type { LedgerHealth } from "./ledger-health.ts";

export interface LedgerBuild {
  readonly config: Config;
  readonly governance: Governance;
  readonly data: DataDirectory;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** The ledger that `ledger.store` asks for; not started. */
export function buildLedger({
  config,
  governance,
  join,
  data,
  clock,
  telemetry,
  recordChange,
  health,
}: LedgerBuild & {
  readonly recordChange: RecordChange;
  readonly health: LedgerHealth;
  /** Joins the governance that the processors of one ledger share; resolves to what counts then. */
  readonly join: (table: SharedTable) => Promise<Governance>;
}): StoredLedger & Partial<PastSeeking> & Partial<RecordSharing> {
  const { store, url, username, password, name, lease_ttl_ms: leaseTtlMs, grace_ms: graceMs } = config.ledger;
  const findings = new LedgerFindings({
    clock,
    recordChange,
    onFailure: (error) => telemetry.emit("change_not_recorded", { error: errorText(error) }),
  });
  const onNotice = (notice: LedgerNotice): void => {
    findings.note(notice);
    health.note(notice);
    telemetry.announce({
      level: LEVELS[notice.notice],
      event: `ledger_${eventName(notice)}`,
      fields: fieldsOf(notice),
    });
  };
  const common = { budgets: governance.budgets, clock, leaseTtlMs, graceMs, onNotice };
  if (store === "local") return createLocalLedger({ ...common, dir: data.ledger, seeksPast: true });
  return createValkeyLedger({
    ...common,
    dir: data.ledger,
    // An embedded engine knows only what this processor received, and that is no fleet's past.
    seeksPast: config.storage.clickhouse !== undefined,
    name,
    budgetsAtStart: async (tables) => (await join(tables.table("governance"))).budgets,
    url: url ?? "",
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
  });
}

const LEVELS: Readonly<Record<LedgerNotice["notice"], LogLevel>> = {
  journal_tail_cut: "warn",
  journal_replayed: "info",
  ledger_failed: "error",
  ledger_revived: "info",
  snapshot_failed: "error",
  observation_refused: "warn",
  clock_jumped: "warn",
  lease_expired: "warn",
  lease_overran: "warn",
  report_stray: "warn",
  store_lost: "error",
  store_regained: "info",
  store_lost_writes: "error",
  store_weak: "warn",
};

function eventName({ notice }: LedgerNotice): string {
  return notice.replace(/^ledger_/, "");
}

function fieldsOf(notice: LedgerNotice): LogFields {
  const { notice: _, ...fields } = notice;
  return "error" in fields ? { reason: errorText(fields.error) } : { ...fields };
}
