import { readFileSync } from "node:fs";
import type * as Yaml from "yaml";
import { parsePolicy } from "../policy/document.ts";
import type { PolicyDocument } from "../policy/document.ts";
import { loadPackage } from "../own-package.ts";

export type PolicyFile = { readonly policies: readonly PolicyDocument[]; readonly problems: readonly string[] };

const FILE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Reads TOLLGATE_POLICY: YAML or JSON, one or more documents; those of another kind are left out. Every problem comes with
 * file, line and column. Never throws.
 */
export function readPolicyFile(path: string): PolicyFile {
  let sources: readonly Source[];
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    sources = readDocuments(path, text);
  } catch (error) {
    return { policies: [], problems: [`TOLLGATE_POLICY: \`${path}\` can't be read: ${(error as Error).message}`] };
  }
  const policies: PolicyDocument[] = [];
  const problems = sources.flatMap((source) => source.problems);
  for (const { documents, locate } of sources) {
    for (const { value, index } of documents.filter(isPolicy)) {
      const parsed = parsePolicy(value);
      if (parsed.ok && policies.some(({ name }) => name === parsed.policy.name))
        problems.push(`${locate(index, "name")}: another policy is named \`${parsed.policy.name}\``);
      else if (parsed.ok) policies.push(parsed.policy);
      else
        for (const { path: place, message } of parsed.problems)
          problems.push(`${locate(index, place)}: ${place === "" ? "" : `${place}: `}${message}`);
    }
  }
  if (policies.length === 0 && problems.length === 0) problems.push(`\`${path}\` holds no policy`);
  return { policies, problems: problems.map((problem) => `TOLLGATE_POLICY: ${problem}`) };
}

interface Document {
  readonly value: unknown;
  /** In a list of documents (JSON); `undefined` where the document is the whole. */
  readonly index: number | undefined;
}

interface Source {
  readonly documents: readonly Document[];
  readonly problems: readonly string[];
  /** `file:line:column` of a path like `rules[0].when`, or of what is nearest to it. */
  readonly locate: (index: number | undefined, path: string) => string;
}

function isPolicy({ value }: Document): boolean {
  const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
  return (kind ?? "policy") === "policy";
}

function readDocuments(file: string, text: string): readonly Source[] {
  // JSON is YAML: one reader knows the places in both.
  const yaml = loadPackage("yaml") as typeof Yaml;
  const lines = new yaml.LineCounter();
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const parsed = yaml.parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  return (Array.isArray(parsed) ? parsed : []).map((document: Yaml.Document.Parsed): Source => {
    const problems = document.errors.map((error) => `${placeOf(error.pos[0])}: ${error.message}`);
    const value: unknown = problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
    const isList = Array.isArray(value);
    const documents = isList
      ? value.map((each: unknown, index) => ({ value: each, index }))
      : [{ value, index: undefined }];
    return {
      documents: value === undefined || value === null ? [] : documents,
      problems,
      locate: (index, path) => placeOf(offsetOf(document, [...(index === undefined ? [] : [index]), ...stepsOf(path)])),
    };
  });
}

function stepsOf(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? "") : Number(index),
  );
}

function offsetOf(document: Yaml.Document.Parsed, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const steps = path.slice(0, length);
    const parent: unknown = length === 1 ? document.contents : document.getIn(steps.slice(0, -1), true);
    const offset = keyOffset(parent, steps.at(-1)) ?? rangeOf(document.getIn(steps, true));
    if (offset !== undefined) return offset;
  }
  return rangeOf(document.contents) ?? 0;
}

/** The place of a key in a mapping, or of an item in a list. */
function keyOffset(parent: unknown, step: string | number | undefined): number | undefined {
  if (typeof parent !== "object" || parent === null || !("items" in parent) || !Array.isArray(parent.items))
    return undefined;
  if (typeof step === "number") return rangeOf(parent.items[step]);
  const pair = (parent.items as readonly { readonly key?: unknown }[]).find(
    ({ key }) => typeof key === "object" && key !== null && "value" in key && String(key.value) === step,
  );
  return rangeOf(pair?.key);
}

function rangeOf(node: unknown): number | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}
