import type { ServiceStatus } from "../api/status.ts";
import type { Governance } from "../config/governance/governance.ts";
import { outlivedWindows } from "../config/governance/outlived-windows.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { VISIBILITY_SLO } from "../telemetry/lag.ts";
import type { ApiBuild } from "./build-api.ts";
import { counted } from "../support/counted.ts";

type Figures = Omit<ServiceStatus, "warnings" | "notes">;
type Sources = Pick<ApiBuild, "queues" | "config"> & { readonly governance: { readonly current: Governance } };

const SPOOL_FILLING_SHARE = 0.8;
const SHOWN_MAX = 5;
const OLDEST_BLOCK_MS_MAX = 60_000;
/** An engine that ended unasked less than so long ago is a finding; later it is a note. */
const CRASH_FRESH_MS = 600_000;
/** Of fewer spans a quantile says nothing. */
const LAG_SPANS_MIN = 100;

/** What a person should look at: `tollgate status` ends with code 1 for any of these. */
export function statusWarnings(status: Figures, sources: Sources): string[] {
  return [
    ...ledgerWarnings(status),
    ...storageWarnings(status),
    ...status.components
      .filter(({ imbalance }) => imbalance !== 0)
      .map(({ component, imbalance }) => `\`${component}\`: ${imbalance} items are not accounted for`),
    ...status.spools.flatMap(spoolWarnings),
    ...sources.queues.flatMap((queue) => forgottenEarly(queue.component, queue.read().recentEvictedEarly ?? 0)),
    ...engineWarnings(status),
    ...lagWarnings(status),
    ...status.budgets_worst
      .filter(({ state }) => state === "overrun")
      .map(({ name }) => `budget \`${name}\`: more was spent than its limit`),
    ...governanceWarnings(status),
    ...unenforced(sources.governance.current),
    ...outlivedWindows(sources.governance.current.budgets, sources.config.storage.retention.spend),
  ];
}

/** Budgets on which the ledger and ClickHouse do not agree, and those that grant nothing because their past is not known. */
export function spendWarnings({ truth, ledger }: Pick<ApiBuild, "truth" | "ledger">): string[] {
  const shown = truth.differing().slice(0, SHOWN_MAX);
  const differing = shown.map(({ budget: { name, measure }, reconciliation: { difference, reason } }) => {
    const unit = measure === "usd" ? "nano-dollars" : measure;
    return `budget \`${name}\`: the ledger and ClickHouse differ by ${difference} ${unit} (${reason})`;
  });
  const closed = new Map<string, string>();
  for (const { name, mode, past, closedUntilMs } of ledger.eachBudget()) {
    if (mode !== "hard" || closedUntilMs === undefined) continue;
    const until = new Date(closedUntilMs).toISOString();
    closed.set(
      name,
      past === "awaited"
        ? `grants nothing until ClickHouse tells what was spent before, at most until ${until}`
        : `grants nothing until ${until}: the ledger's journal was lost, and what it had granted may still be spent`,
    );
  }
  return [...differing, ...[...closed].slice(0, SHOWN_MAX).map(([name, text]) => `budget \`${name}\`: ${text}`)];
}

/** Agents that were found running wild in the last hour; what was done about them is among the stops. */
export function runawayNotes({ truth }: Pick<ApiBuild, "truth">): string[] {
  const wild = truth.runaways().slice(0, SHOWN_MAX);
  return wild.map(({ agent, rule, finding }) => `agent \`${agent}\` ran wild (${rule}): ${finding}`);
}

/** What is worth knowing and may be as it should. */
export function statusNotes(
  { engine, agents_without_policy: agents, governance }: Figures,
  sources: Pick<Sources, "config">,
): string[] {
  const notes: string[] = [];
  if (sources.config.auth === undefined) notes.push("no `auth`: agents on this machine may come without a key");
  if (agents.length > 0) {
    const names = agents.slice(0, 5).join(", ") + (agents.length > 5 ? ` and ${agents.length - 5} more` : "");
    notes.push(`no policy for ${names}: their tools are ${governance.require_policy ? "denied" : "allowed"}`);
  }
  if (engine !== null && engine.crashes > 0 && (engine.uptime_ms ?? 0) >= CRASH_FRESH_MS) notes.push(crashText(engine));
  return notes;
}

function governanceWarnings({ governance: { refused, version } }: Figures): string[] {
  if (refused === null) return [];
  const [first = "", ...more] = refused.problems;
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return [`the governance files are not valid, version ${version} stays in force: ${first}${others}`];
}

function ledgerWarnings({ ledger: { failure } }: Figures): string[] {
  if (failure === null) return [];
  return [`the ledger grants and counts nothing since ${failure.since}, and tries again by itself: ${failure.reason}`];
}

function storageWarnings({ storage, spans, inserts }: Figures): string[] {
  const warnings: string[] = [];
  if (!storage.ready) warnings.push(`ClickHouse cannot be reached; ${counted(spans.in_flight, "span")} in the spool`);
  if (inserts.failed > 0 && inserts.taken === 0)
    warnings.push(`ClickHouse took none of ${counted(inserts.failed, "insert")}`);
  const poison = spans.dropped["poison"] ?? 0;
  if (poison > 0) warnings.push(`${counted(poison, "span")} set aside because ClickHouse refuses them`);
  return warnings;
}

function spoolWarnings(spool: Figures["spools"][number]): string[] {
  const { component, bytes, bytes_max: bytesMax, oldest_age_ms: oldestAgeMs, set_aside_files: setAside } = spool;
  const warnings: string[] = [];
  if (bytesMax !== null && bytes >= bytesMax * SPOOL_FILLING_SHARE) {
    const percent = Math.floor((bytes / bytesMax) * 100);
    warnings.push(`the spool of \`${component}\` is ${percent}% full; at 100% senders are refused`);
  }
  if (oldestAgeMs > OLDEST_BLOCK_MS_MAX) {
    warnings.push(`the oldest block of \`${component}\` has waited for ${Math.round(oldestAgeMs / 1_000)} s`);
  }
  if (setAside !== null && setAside > 0) {
    warnings.push(`${counted(setAside, "file")} of \`${component}\` set aside, never to be delivered`);
  }
  return warnings;
}

function forgottenEarly(component: string, count: number): string[] {
  if (count === 0) return [];
  return [
    `\`${component}\` forgot ${counted(count, "span")} early: a resend of one counts twice; raise \`deduplication.max_entries\``,
  ];
}

function engineWarnings({ engine }: Figures): string[] {
  if (engine === null) return [];
  const isFresh = engine.crashes > 0 && (engine.uptime_ms ?? 0) < CRASH_FRESH_MS;
  return isFresh ? [crashText(engine)] : [];
}

function crashText({ crashes }: NonNullable<Figures["engine"]>): string {
  return `the embedded engine ended unasked ${counted(crashes, "time")} since the start`;
}

function lagWarnings({ lag }: Figures): string[] {
  const { p99_ms: p99, spans } = lag.visible;
  if (p99 === null || p99 <= VISIBILITY_SLO.seconds * 1_000 || spans < LAG_SPANS_MIN) return [];
  return [`spans are visible after ${(p99 / 1_000).toFixed(1)} s (p99); the objective is ${VISIBILITY_SLO.seconds} s`];
}
