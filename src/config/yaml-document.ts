/**
 * YAML with places: every value can be traced back to its line and column, so that a problem found later by a schema is
 * reported where the person wrote it. `${env:NAME}` is expanded in scalars after parsing, so that the content of a
 * variable can never add structure to the file. YAML 1.2 core; duplicate keys are refused.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  parse,
  Scalar,
  visit,
} from "yaml";
import { formatPath } from "./path.ts";
import type { ConfigProblem } from "./problem.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface LocatedDocument {
  readonly file: string;
  /** Plain JavaScript; `undefined` for an empty document. */
  readonly value: unknown;
  /** The place of `path`, or of its nearest parent that is in the file. With `key: true` the place of the key itself. */
  locate(path: readonly PropertyKey[]): Place;
}

export interface YamlReading {
  readonly documents: readonly LocatedDocument[];
  readonly problems: readonly ConfigProblem[];
}

/** Parses `text`, which may hold several documents separated by `---`. Documents with syntax errors are left out. */
export function readYaml(options: {
  readonly file: string;
  readonly text: string;
  readonly environment: Environment;
}): YamlReading {
  const { file, text, environment } = options;
  const counter = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  };
  const problems: ConfigProblem[] = [];
  const documents: LocatedDocument[] = [];
  const parsed = parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, merge: true });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const before = problems.length;
    for (const error of document.errors) {
      problems.push({ file, ...place(error.pos[0]), path: "", message: lowerFirst(error.message) });
    }
    problems.push(...expandEnvironment({ file, document, environment, place }));
    if (problems.length > before) continue;
    const value = toPlain(document, (message) => problems.push({ file, line: 0, column: 0, path: "", message }));
    if (value === null || value === undefined) continue;
    documents.push({ file, value, locate: (path) => place(offsetOf(document, path)) });
  }
  return { documents, problems };
}

function toPlain(document: Document, report: (message: string) => void): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    report(error instanceof Error ? lowerFirst(error.message) : "cannot be read");
    return undefined;
  }
}

const REFERENCE = /\$(\$?)\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

function expandEnvironment(options: {
  readonly file: string;
  readonly document: Document;
  readonly environment: Environment;
  readonly place: (offset: number) => Place;
}): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(options.document, {
    Scalar(key, node) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("{env:")) return;
      const missing: string[] = [];
      const expanded = node.value.replace(REFERENCE, (whole, escape: string, name: string, fallback?: string) => {
        if (escape !== "") return whole.slice(1);
        const value = options.environment[name] ?? fallback;
        if (value === undefined) missing.push(name);
        return value ?? "";
      });
      for (const name of missing) {
        const message = `environment variable \`${name}\` is not set (a default is written \`\${env:${name}:-value}\`)`;
        problems.push({ file: options.file, ...options.place(node.range?.[0] ?? 0), path: "", message });
      }
      // An unquoted reference alone has the type of its value, as in the Collector; anything else stays text.
      const isAlone = node.type === Scalar.PLAIN && /^\$\{env:[^}]*\}$/.test(node.value);
      node.value = isAlone ? scalarOf(expanded) : expanded;
    },
  });
  return problems;
}

function scalarOf(text: string): unknown {
  try {
    const value: unknown = parse(text);
    return typeof value === "number" || typeof value === "boolean" ? value : text;
  } catch {
    return text;
  }
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: Node | null = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap(node)) {
      const pair: { key: unknown; value: unknown } | undefined = node.items.find(
        (item) => (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(step),
      );
      if (pair === undefined) return offset;
      // The key's place says more than its value's: `limit:` is where the eye looks.
      offset = (pair.key as Node | null)?.range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = (node.items[Number(step)] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A problem at `path` of a document. */
export function problemAt(document: LocatedDocument, path: readonly PropertyKey[], message: string): ConfigProblem {
  return { file: document.file, ...document.locate(path), path: formatPath(path), message };
}
