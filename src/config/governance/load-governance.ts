/**
 * Reads every governance document below `governance.paths`. Promises: all problems of all files are found in one go, each
 * with file, line and path; a document is taken whole or not at all; two documents of one kind never share a name.
 */
import { DEFAULT_LABEL_ORDER, type LabelOrder, parseLabelOrder } from "@tollgate/instrumentation/policy";
import { ConfigInvalid, type ConfigProblem } from "../problem.ts";
import { readText } from "../load.ts";
import { type Environment, type LocatedDocument, problemAt, readYaml } from "../yaml-document.ts";
import { parentsProblem } from "./agent-parents.ts";
import type { Governance } from "./governance.ts";
import { type DocumentOfKind, isKind, type Kind, parseDocument, unknownKind } from "./kinds.ts";

/** Kinds whose content changes what the gate decides. */
const DECIDING: ReadonlySet<Kind> = new Set(["budget", "policy", "agent", "prices", "tool", "labels"]);

interface Taken {
  readonly parsed: DocumentOfKind;
  readonly source: LocatedDocument;
}

/** Throws `ConfigInvalid` with every problem. */
export function loadGovernance(options: {
  readonly files: readonly string[];
  readonly environment: Environment;
}): Governance {
  const problems: ConfigProblem[] = [];
  return governanceOf(readAll(options, problems), problems);
}

/** What documents say together. Throws `ConfigInvalid` with every problem, `problems` with them. */
export function governanceOf(sources: readonly LocatedDocument[], problems: ConfigProblem[] = []): Governance {
  const taken: Taken[] = [];
  const names = new Map<string, LocatedDocument>();
  const labels = labelOrderOf(sources, problems);
  for (const source of sources) {
    const parsed = take(source, labels, problems);
    if (parsed !== undefined) taken.push({ parsed, source });
    // Also of one that is wrong otherwise: all that is wrong is said at once.
    const { kind, name } = parsed ?? namedSo(source);
    if (kind === undefined || name === undefined) continue;
    const first = names.get(`${kind} ${name}`);
    if (first === undefined) {
      names.set(`${kind} ${name}`, source);
      continue;
    }
    const place = `${first.file}:${first.locate(["name"]).line}`;
    problems.push(problemAt(source, ["name"], `another ${kind} is named \`${name}\`: ${place}`));
  }
  checkParents(taken, problems);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return assemble(taken);
}

function checkParents(taken: readonly Taken[], problems: ConfigProblem[]): void {
  const agents = taken.flatMap(({ parsed, source }) =>
    parsed.kind === "agent" ? [{ name: parsed.name, parent: parsed.document.parent, source }] : [],
  );
  const parents = new Map(agents.map(({ name, parent }) => [name, parent]));
  for (const { name, source } of agents) {
    const problem = parentsProblem(name, parents);
    if (problem !== undefined) problems.push(problemAt(source, ["parent"], problem));
  }
}

function readAll(
  options: { readonly files: readonly string[]; readonly environment: Environment },
  problems: ConfigProblem[],
): readonly LocatedDocument[] {
  return options.files.flatMap((file) => {
    try {
      const reading = readYaml({ file, text: readText(file), environment: options.environment });
      problems.push(...reading.problems);
      return reading.documents;
    } catch (error) {
      if (!(error instanceof ConfigInvalid)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
}

/** The order of the one `kind: labels` document; its own problems are found when it is taken. */
function labelOrderOf(sources: readonly LocatedDocument[], problems: ConfigProblem[]): LabelOrder {
  const [first, second] = sources.filter((source) => kindOf(source) === "labels");
  if (first === undefined) return DEFAULT_LABEL_ORDER;
  if (second !== undefined) problems.push(problemAt(second, ["kind"], "there is another document of kind `labels`"));
  const parsed = parseLabelOrder((first.value as { readonly order?: unknown }).order);
  return parsed.ok ? parsed.order : DEFAULT_LABEL_ORDER;
}

function kindOf(source: LocatedDocument): unknown {
  return (source.value as { readonly kind?: unknown } | null)?.kind;
}

/** What a document says it is, as far as it is a text. */
function namedSo(source: LocatedDocument): { readonly kind?: Kind; readonly name?: string } {
  const { name } = (source.value ?? {}) as { readonly name?: unknown };
  const kind = kindOf(source);
  return isKind(kind) && typeof name === "string" ? { kind, name } : {};
}

function take(source: LocatedDocument, labels: LabelOrder, problems: ConfigProblem[]): DocumentOfKind | undefined {
  const kind = kindOf(source);
  if (!isKind(kind)) {
    problems.push(unknownKind(source, kind));
    return undefined;
  }
  const parsed = parseDocument(kind, source, labels);
  if (parsed.ok) return parsed.value;
  problems.push(...parsed.problems);
  return undefined;
}

function assemble(taken: readonly Taken[]): Governance {
  const parsed = taken.map((each) => each.parsed);
  const deciding = taken.filter((each) => DECIDING.has(each.parsed.kind));
  return {
    budgets: parsed.flatMap((each) => (each.kind === "budget" ? [each.document] : [])),
    policies: parsed.flatMap((each) => (each.kind === "policy" ? [each.document] : [])),
    agents: parsed.flatMap((each) => (each.kind === "agent" ? [each.document] : [])),
    prices: parsed.flatMap((each) => (each.kind === "prices" ? [each.document] : [])),
    tools: parsed.flatMap((each) => (each.kind === "tool" ? [each.document] : [])),
    labels: parsed.find((each) => each.kind === "labels")?.document,
    alerts: parsed.flatMap((each) => (each.kind === "alert" ? [each.document] : [])),
    runaways: parsed.flatMap((each) => (each.kind === "runaway" ? [each.document] : [])),
    documents: taken.map(({ parsed: { kind, name }, source: { file, value } }) => ({ kind, name, file, value })),
    fingerprint: deciding.map(({ source }) => JSON.stringify(source.value)).join("\n"),
  };
}
