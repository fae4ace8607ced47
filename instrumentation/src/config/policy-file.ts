import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parsePolicy } from "../policy/document.ts";
import type { PolicyDocument } from "../policy/document.ts";

export type PolicyFile = { readonly policies: readonly PolicyDocument[]; readonly problems: readonly string[] };

/** Reads TOLLGATE_POLICY: JSON, or YAML (one or more documents; those of another kind are left out). Never throws. */
export function readPolicyFile(path: string): PolicyFile {
  let documents: readonly unknown[];
  try {
    documents = parse(path, readFileSync(path, "utf8"));
  } catch (error) {
    return { policies: [], problems: [`TOLLGATE_POLICY: \`${path}\` can't be read: ${(error as Error).message}`] };
  }
  const policies: PolicyDocument[] = [];
  const problems: string[] = [];
  for (const document of documents.filter(isPolicy)) {
    const parsed = parsePolicy(document);
    if (parsed.ok) policies.push(parsed.policy);
    else
      for (const problem of parsed.problems)
        problems.push(`TOLLGATE_POLICY: \`${path}\`: ${problem.path}: ${problem.message}`);
  }
  if (policies.length === 0 && problems.length === 0) problems.push(`TOLLGATE_POLICY: \`${path}\` holds no policy`);
  return { policies, problems };
}

function isPolicy(document: unknown): boolean {
  const kind = typeof document === "object" && document !== null && "kind" in document ? document.kind : "policy";
  return kind === "policy";
}

function parse(path: string, text: string): readonly unknown[] {
  if (path.endsWith(".json")) {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) ? json : [json];
  }
  return loadYaml()
    .parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw new Error(document.errors[0]?.message ?? "malformed YAML");
      return document.toJS();
    });
}

interface Yaml {
  parseAllDocuments(text: string): readonly { readonly errors: readonly Error[]; toJS(): unknown }[];
}

/** YAML is read only by agents that have a local policy in it; JSON needs no package. */
function loadYaml(): Yaml {
  return createRequire(import.meta.url)("yaml") as Yaml;
}
