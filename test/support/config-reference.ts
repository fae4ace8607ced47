/** The generated reference of the configuration, as texts by file: written by a script, compared by a test. */
import { z } from "zod";
import { runawayDocumentSchema } from "../../src/runaway/runaway-document.ts";
import { alertDocumentSchema } from "../../src/config/governance/alert-document.ts";
import { agentDocumentSchema } from "../../src/policy/agent-document.ts";
import { caseDocumentSchema } from "../../src/policy/case-document.ts";
import { labelsDocumentSchema } from "../../src/policy/labels-document.ts";
import { toolDocumentSchema } from "../../src/policy/tool-document.ts";
import { configSchema } from "../../src/service/config-schema.ts";

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

const SCHEMAS = {
  "tollgate.schema.json": configSchema,
  "agent.schema.json": agentDocumentSchema,
  "tool.schema.json": toolDocumentSchema,
  "labels.schema.json": labelsDocumentSchema,
  "policy-test.schema.json": caseDocumentSchema,
  "alert.schema.json": alertDocumentSchema,
  "runaway.schema.json": runawayDocumentSchema,
} as const;

export function configReference(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    files[`docs/schemas/${name}`] = `${JSON.stringify(jsonSchema(schema), undefined, 2)}\n`;
  }
  files["docs/configuration.md"] = page();
  return files;
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

function page(): string {
  const config = jsonSchema(configSchema);
  const sections = Object.entries(config.properties ?? {}).map(
    ([name, section]) => `## \`${name}\`\n\n${table(rows(section, name))}`,
  );
  return [
    INTRODUCTION,
    ...sections,
    GOVERNANCE,
    documentSection("agent", agentDocumentSchema),
    documentSection("tool", toolDocumentSchema),
    documentSection("labels", labelsDocumentSchema),
    documentSection("alert", alertDocumentSchema),
    documentSection("runaway", runawayDocumentSchema),
  ]
    .join("\n\n")
    .concat("\n");
}

function documentSection(kind: string, schema: z.ZodType): string {
  return `### \`kind: ${kind}\`\n\n${table(rows(jsonSchema(schema), ""))}`;
}

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

function rows(schema: JsonSchema, path: string): readonly Row[] {
  const inner = Object.entries(schema.properties ?? {});
  if (inner.length === 0) return path === "" ? [] : [row(schema, path, false)];
  return inner.flatMap(([key, property]) => {
    const here = path === "" ? key : `${path}.${key}`;
    const element = property.type === "array" ? property.items : undefined;
    if (element?.properties !== undefined)
      return [row(property, here, isRequired(schema, key)), ...rows(element, `${here}[]`)];
    if (property.properties !== undefined && Object.keys(property.properties).length > 0) return rows(property, here);
    return [row(property, here, isRequired(schema, key))];
  });
}

function isRequired(schema: JsonSchema, key: string): boolean {
  return schema.required?.includes(key) ?? false;
}

function row(schema: JsonSchema, key: string, required: boolean): Row {
  return {
    key: `\`${key}\``,
    type: typeText(schema),
    fallback: schema.default === undefined ? (required ? "required" : "") : `\`${JSON.stringify(schema.default)}\``,
    meaning: schema.description ?? "",
  };
}

function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "array") return `list of ${schema.items === undefined ? "anything" : typeText(schema.items)}`;
  const range = schema.type === "integer" ? rangeText(schema) : "";
  return `${Array.isArray(schema.type) ? schema.type.join(" or ") : String(schema.type ?? "")}${range}`;
}

function rangeText({ minimum, maximum }: JsonSchema): string {
  const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum === undefined || minimum <= -Number.MAX_SAFE_INTEGER) return "";
  return isBounded ? `, ${minimum} to ${maximum}` : `, from ${minimum}`;
}

function table(all: readonly Row[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const lines = all.map(
    ({ key, type, fallback, meaning }) => `| ${[key, type, fallback, meaning].map(cell).join(" | ")} |`,
  );
  return ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

const INTRODUCTION = `# Configuration

Generated from the schemas by \`node scripts/generate-config-reference.ts\`; do not edit.

\`tollgate serve\` reads \`--config FILE\`, or \`./tollgate.yaml\` when it is there. Every key has a default, so an empty file, or none, is a
whole configuration. Unknown keys are refused. \`tollgate config validate [FILE]\` lists every problem as \`file:line:column: path: message\`
(exit code 2), \`tollgate config print [FILE]\` shows the result with all defaults; secrets show as \`[REDACTED]\`.

\`\${env:NAME}\` in a value is replaced by the environment variable, \`\${env:NAME:-default}\` by a default when it is not set, \`$\${env:NAME}\` stays as it is
written. A variable that is not set is a problem. What a variable holds never adds structure to the file. Paths are relative to the file.

The data directory is \`--data-dir\`, else \`TOLLGATE_DATA_DIR\`, else \`./.tollgate\`: the ledger's journal (\`ledger/\`), the spool (\`spool/\`), the embedded
engine (\`clickhouse/\`), the people's token (\`token\`) and, while a processor runs, where it listens (\`endpoints.json\`). The command line reads also
\`TOLLGATE_API\` (where the control API is) and \`TOLLGATE_TOKEN\` (the people's token).

A processor that listens beyond loopback needs \`auth\`; without it the start is refused, naming the setting.
JSON Schemas for editors are in [schemas/](schemas/).`;

const GOVERNANCE = `## Governance documents

YAML files below \`governance.paths\`, any number of documents in each (separated by \`---\`), each with its \`kind\`: \`budget\`, \`policy\`, \`agent\`, \`prices\`, \`tool\`,
\`labels\`, \`alert\`. Names are unique within a kind. All problems of all files are listed at once. A processor reads them at its start.`;
