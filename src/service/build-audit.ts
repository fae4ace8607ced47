import { resolve } from "node:path";
import { type Anchor, fileAnchor, httpAnchor } from "../audit/anchor.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { AuditKeeper } from "./audit-keeper.ts";
import type { Config } from "./config-schema.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { Store } from "./store.ts";

export interface AuditBuild {
  readonly config: Config;
  readonly configDirectory: string;
  readonly data: DataDirectory;
  readonly store: Store;
  readonly oldestWaitingMs: () => number | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const HOUR_MS = 3_600_000;

/** The audit log as `audit` asks for it; not started. */
export function buildAudit({
  config,
  configDirectory,
  data,
  store,
  oldestWaitingMs,
  clock,
  telemetry,
}: AuditBuild): AuditKeeper {
  const { checkpoint_interval_ms: checkpointIntervalMs, hole_grace_ms: holeGraceMs, anchor } = config.audit;
  const anchors: Anchor[] = [];
  if (anchor.file !== undefined) anchors.push(fileAnchor(resolve(configDirectory, anchor.file)));
  if (anchor.url !== undefined) {
    const headers = Object.fromEntries(Object.entries(anchor.headers).map(([name, value]) => [name, value.reveal()]));
    anchors.push(httpAnchor(anchor.url, headers));
  }
  return new AuditKeeper({
    paths: data.audit,
    store,
    oldestWaitingMs,
    clock,
    telemetry,
    checkpointIntervalMs,
    holeGraceMs,
    anchors,
    checksSeal: config.processors.transform === undefined,
    retentionMs: shortestRetentionMs(config.storage.retention),
  });
}

/** Of what a record may be kept for; `undefined`: for good. */
function shortestRetentionMs({
  spans,
  decisions,
  by_label: byLabel,
}: Config["storage"]["retention"]): number | undefined {
  const hours = [spans, decisions ?? "off", ...byLabel.map((rule) => rule.spans)].filter((each) => each !== "off");
  return hours.length === 0 ? undefined : Math.min(...hours) * HOUR_MS;
}
