import { z } from "zod";
import {
  apiSection,
  auditSection,
  authSection,
  governanceSection,
  ledgerSection,
  serviceSection,
  storageSection,
} from "../config/sections.ts";
import { approvalsSection } from "../config/approvals-section.ts";
import { auditProcessorConfig } from "../processors/audit/config.ts";
import { costProcessorConfig } from "../processors/cost/config.ts";
import { filterProcessorConfig } from "../processors/filter/config.ts";
import { identityProcessorConfig } from "../processors/identity/config.ts";
import { meterProcessorConfig } from "../processors/meter/config.ts";
import { normaliseProcessorConfig } from "../processors/normalise/config.ts";
import { redactProcessorConfig } from "../processors/redact/config.ts";
import { sampleProcessorConfig } from "../processors/sample/config.ts";
import { transformProcessorConfig } from "../processors/transform/config.ts";
import { otlpReceiverConfig } from "../receivers/otlp/config.ts";
import { exportersSection } from "./exporters-section.ts";

/** tollgate.yaml as a whole, in the Collector's words. Every key has a default; unknown keys are refused. */
export const configSchema = z.strictObject({
  receivers: z.strictObject({ otlp: otlpReceiverConfig.prefault({}) }).prefault({}),
  processors: z
    .strictObject({
      normalise: normaliseProcessorConfig
        .prefault({})
        .describe("No settings yet: brings other instrumentations' attributes into one language."),
      transform: transformProcessorConfig
        .optional()
        .describe("Sets and deletes attributes and labels, in CEL. Absent: not in the pipeline."),
      identity: identityProcessorConfig.prefault({}).describe("Agent, owner, team, role and labels of each span."),
      audit: auditProcessorConfig
        .prefault({})
        .describe("No settings yet: checks the links of audit chains (settings of the log are under `audit`)."),
      cost: costProcessorConfig.prefault({}).describe("No settings yet: prices each call."),
      meter: meterProcessorConfig.prefault({}).describe("No settings yet: what the ledger is told of each call."),
      filter: filterProcessorConfig
        .optional()
        .describe("Drops spans that nobody wants to store; audit records stay. Absent: not in the pipeline."),
      redact: redactProcessorConfig
        .prefault({})
        .describe("What may not be stored: content, attributes by key, and what detectors and patterns find."),
      sample: sampleProcessorConfig
        .optional()
        .describe(
          "Keeps a share of the traces, and of all what costs or is an audit record. Absent: not in the pipeline.",
        ),
    })
    .prefault({}),
  exporters: exportersSection,
  extensions: z.strictObject({}).prefault({}).describe("None exist yet."),
  api: apiSection,
  storage: storageSection,
  ledger: ledgerSection,
  governance: governanceSection,
  approvals: approvalsSection,
  auth: authSection,
  audit: auditSection,
  service: serviceSection,
});

export type Config = z.output<typeof configSchema>;
