import { z } from "zod";
import {
  apiSection,
  authSection,
  governanceSection,
  ledgerSection,
  serviceSection,
  storageSection,
} from "../config/sections.ts";

/** tollgate.yaml as a whole, in the Collector's words. Every key has a default; unknown keys are refused. */
export const configSchema = z.strictObject({
  receivers: z.strictObject({}).prefault({}),
  processors: z.strictObject({}).prefault({}),
  exporters: z.strictObject({}).prefault({}),
  extensions: z.strictObject({}).prefault({}).describe("None exist yet."),
  api: apiSection,
  storage: storageSection,
  ledger: ledgerSection,
  governance: governanceSection,
  auth: authSection,
  service: serviceSection,
});

export type Config = z.output<typeof configSchema>;
