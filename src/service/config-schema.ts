import { z } from "zod";
import {
  apiSection,
  authSection,
  governanceSection,
  ledgerSection,
  serviceSection,
  storageSection,
} from "../config/sections.ts";
import { clickhouseExporterConfig } from "../exporters/clickhouse/config.ts";
import { costProcessorConfig } from "../processors/cost/config.ts";
import { identityProcessorConfig } from "../processors/identity/config.ts";
import { meterProcessorConfig } from "../processors/meter/config.ts";
import { normaliseProcessorConfig } from "../processors/normalise/config.ts";
import { otlpReceiverConfig } from "../receivers/otlp/config.ts";

/** tollgate.yaml as a whole, in the Collector's words. Every key has a default; unknown keys are refused. */
export const configSchema = z.strictObject({
  receivers: z.strictObject({ otlp: otlpReceiverConfig.prefault({}) }).prefault({}),
  processors: z
    .strictObject({
      normalise: normaliseProcessorConfig.prefault({}),
      identity: identityProcessorConfig.prefault({}),
      cost: costProcessorConfig.prefault({}),
      meter: meterProcessorConfig.prefault({}),
    })
    .prefault({}),
  exporters: z.strictObject({ clickhouse: clickhouseExporterConfig.prefault({}) }).prefault({}),
  extensions: z.strictObject({}).prefault({}).describe("None exist yet."),
  api: apiSection,
  storage: storageSection,
  ledger: ledgerSection,
  governance: governanceSection,
  auth: authSection,
  service: serviceSection,
});

export type Config = z.output<typeof configSchema>;
