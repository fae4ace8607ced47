import { z } from "zod";

/** `processors.audit` of tollgate.yaml. It has no settings yet; those of the audit log are under `audit`. */
export const auditProcessorConfig = z.strictObject({});

export type AuditProcessorConfig = z.output<typeof auditProcessorConfig>;
