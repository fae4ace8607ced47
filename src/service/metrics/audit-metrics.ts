import { figure, type MetricFamily } from "../../telemetry/metric-family.ts";
import type { AuditCounts } from "../audit-keeper.ts";

/** Whether the chains of the agents' processes hold, and the log is signed. */
export function auditFamilies(options: {
  readonly audit: () => AuditCounts;
  readonly now: () => number;
}): readonly MetricFamily[] {
  const { audit, now } = options;
  return [
    {
      name: "tollgate_audit_links_total",
      help: "Links of audit chains that arrived, by what they were to their chain; `changed`, `forked` and `malformed` are findings.",
      type: "counter",
      labelNames: ["fate"],
      samples: () => Object.entries(audit().links).map(([fate, value]) => ({ labels: { fate }, value })),
    },
    figure({
      name: "tollgate_audit_links_missing_total",
      help: "Links of audit chains that never arrived: later ones did, and the grace is over.",
      type: "counter",
      value: () => audit().missing,
    }),
    figure({
      name: "tollgate_audit_chains_open",
      help: "Audit chains without a closing link: their process runs, or did not end cleanly.",
      value: () => audit().open,
    }),
    figure({
      name: "tollgate_audit_holes",
      help: "Holes in audit chains that are still waited for.",
      value: () => audit().holes,
    }),
    figure({
      name: "tollgate_audit_checkpoint_age_seconds",
      help: "Age of the newest signed checkpoint; there is a new one only when something arrived.",
      value: () => {
        const { lastCheckpointMs } = audit();
        return lastCheckpointMs === undefined ? undefined : Math.max(0, (now() - lastCheckpointMs) / 1_000);
      },
    }),
  ];
}
