/**
 * Reads every governance document below `governance.paths`. Promises: all problems of all files are found in one go, each
 * with file, line and path; a document is taken whole or not at all; two documents of one kind never share a name.
 */
import { ConfigInvalid, type ConfigProblem } from "../problem.ts";
import { readText } from "../load.ts";
import { type Environment, type LocatedDocument, problemAt, readYaml } from "../yaml-document.ts";
import type { Governance } from "./governance.ts";
import { type DocumentOfKind, isKind, KINDS, type Kind, parseDocument } from "./kinds.ts";

/** Kinds whose content changes what the gate decides. */
const DECIDING: ReadonlySet<Kind> = new Set(["budget", "policy", "agent", "prices"]);

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
  const taken: Taken[] = [];
  const names = new Map<string, LocatedDocument>();
  for (const source of readAll(options, problems)) {
    const parsed = take(source, problems);
    if (parsed === undefined) continue;
    const key = `${parsed.kind} ${parsed.name}`;
    const first = names.get(key);
    if (first === undefined) {
      names.set(key, source);
      taken.push({ parsed, source });
    } else {
      const place = `${first.file}:${first.locate(["name"]).line}`;
      problems.push(problemAt(source, ["name"], `another ${parsed.kind} is named \`${parsed.name}\`: ${place}`));
    }
  }
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return assemble(taken);
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

function take(source: LocatedDocument, problems: ConfigProblem[]): DocumentOfKind | undefined {
  const kind = (source.value as { readonly kind?: unknown } | null)?.kind;
  if (!isKind(kind)) {
    const given = typeof kind === "string" ? `\`${kind}\` is not a kind of document; ` : "";
    problems.push(problemAt(source, ["kind"], `${given}expected one of ${KINDS.join(", ")}`));
    return undefined;
  }
  const parsed = parseDocument(kind, source);
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
    alerts: parsed.flatMap((each) => (each.kind === "alert" ? [each.document] : [])),
    runaways: parsed.flatMap((each) => (each.kind === "runaway" ? [each.document] : [])),
    fingerprint: deciding.map(({ source }) => JSON.stringify(source.value)).join("\n"),
  };
}
