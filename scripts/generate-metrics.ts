/** Writes docs/metrics.md from the metrics that the service registers: `node scripts/generate-metrics.ts`; a test proves it fresh. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { METRICS_FILE, metricsPage } from "../test/support/metrics-reference.ts";

writeFileSync(join(import.meta.dirname, "..", METRICS_FILE), await metricsPage());
