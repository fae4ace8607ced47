/**
 * `exporters` of tollgate.yaml: ClickHouse, and any number of backends behind it, each by its type and, after a `/`, a name
 * of its own, as in the Collector: `otlp`, `otlp/tempo`, `otlp_http/datadog`. Every one that is there is used.
 */
import { z } from "zod";
import { clickhouseExporterConfig } from "../exporters/clickhouse/config.ts";
import {
  type OtlpExporterConfig,
  type OtlpHttpExporterConfig,
  otlpExporterConfig,
  otlpHttpExporterConfig,
} from "../exporters/otlp/config.ts";
import { knownKeys, knownNames } from "../support/known-keys.ts";

/** A backend to send spans on to. */
export type OtlpInstance = { /** Its key: `otlp/tempo`. */ readonly name: string } & (
  | { readonly type: "otlp"; readonly config: OtlpExporterConfig }
  | { readonly type: "otlp_http"; readonly config: OtlpHttpExporterConfig }
);

const NAMES = knownNames(["clickhouse", "otlp", "otlp/NAME", "otlp_http", "otlp_http/NAME"]);
const INSTANCE = /^(?<type>otlp|otlp_http)\/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const grpc = otlpExporterConfig.describe(
  "A backend behind Tollgate, by OTLP/gRPC. More of them as `otlp/NAME`. Every exporter that is here gets every span.",
);
const http = otlpHttpExporterConfig.describe("A backend behind Tollgate, by OTLP/HTTP. More as `otlp_http/NAME`.");
const SCHEMAS = { otlp: grpc, otlp_http: http } as const;

const written = z
  .object({
    clickhouse: clickhouseExporterConfig.prefault({}),
    otlp: grpc.optional(),
    otlp_http: http.optional(),
  })
  .catchall(z.unknown())
  .meta({
    additionalProperties: false,
    patternProperties: {
      "^otlp/": { $ref: "#/properties/exporters/properties/otlp" },
      "^otlp_http/": { $ref: "#/properties/exporters/properties/otlp_http" },
    },
  });

/** The named ones are read by the schema of their type; every other key is unknown. */
export const exportersSection = written
  .transform((exporters, context) => {
    const named: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(exporters)) {
      if (Object.hasOwn(written.shape, key)) continue;
      const type = INSTANCE.exec(key)?.groups?.["type"] as keyof typeof SCHEMAS | undefined;
      if (type === undefined) {
        context.issues.push({ code: "unrecognized_keys", keys: [key], input: exporters, message: NAMES });
        continue;
      }
      const parsed = SCHEMAS[type].safeParse(value, { error: knownKeys });
      if (parsed.success) named[key] = parsed.data;
      else for (const issue of parsed.error.issues) context.issues.push(within(key, issue));
    }
    return { ...exporters, ...named };
  })
  .prefault({});

function within(key: string, issue: z.core.$ZodIssue): z.core.$ZodRawIssue {
  return { ...issue, input: undefined, path: [key, ...issue.path] } as z.core.$ZodRawIssue;
}

/** The backends of a config that went through `exportersSection`, in the order in which they are written. */
export function otlpInstances(exporters: z.output<typeof exportersSection>): readonly OtlpInstance[] {
  return Object.entries(exporters).flatMap(([name, config]): OtlpInstance[] => {
    if (config === undefined) return [];
    if (name === "otlp" || name.startsWith("otlp/")) {
      return [{ name, type: "otlp", config: config as OtlpExporterConfig }];
    }
    if (name === "otlp_http" || name.startsWith("otlp_http/")) {
      return [{ name, type: "otlp_http", config: config as OtlpHttpExporterConfig }];
    }
    return [];
  });
}
