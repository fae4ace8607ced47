/** Policies, tools and labels as files hold them, for commands that ask no processor. */
import {
  DEFAULT_LABEL_ORDER,
  type LabelOrder,
  type NamedToolDeclaration,
  parseLabelOrder,
  parsePolicy,
  type PolicyDocument,
} from "@tollgate/instrumentation/policy";
import { dottedPath } from "../config/dotted-path.ts";
import type { Budget } from "../budget/budget.ts";
import { findFiles } from "../config/governance/find-files.ts";
import { type DocumentOfKind, isKind, parseDocument, unknownKind } from "../config/governance/kinds.ts";
import { readText } from "../config/load.ts";
import { ConfigInvalid, type ConfigProblem } from "../config/problem.ts";
import { validate } from "../config/validate.ts";
import { type Environment, type LocatedDocument, problemAt, readYaml } from "../config/yaml-document.ts";
import type { AgentDocument } from "../policy/agent-document.ts";
import { toolDocumentSchema } from "../policy/tool-document.ts";

export interface LocatedPolicy {
  readonly source: LocatedDocument;
  readonly policy: PolicyDocument;
}

export interface PolicyFiles {
  readonly policies: readonly LocatedPolicy[];
  readonly tools: readonly NamedToolDeclaration[];
  readonly budgets: readonly Budget[];
  readonly agents: readonly AgentDocument[];
  readonly labels: LabelOrder;
  /** Everything that is wrong with the documents. */
  readonly problems: readonly ConfigProblem[];
}

/** Reads files and directories. Documents of other kinds that there are are left out. Throws `ConfigInvalid` for a path that can't be read. */
export function readPolicyFiles(paths: readonly string[], environment: Environment): PolicyFiles {
  const report = (index: number, message: string): ConfigProblem => {
    return { file: paths[index] ?? "", line: 0, column: 0, path: "", message };
  };
  const found = findFiles({ paths, directory: process.cwd(), report });
  if (found.problems.length > 0) throw new ConfigInvalid(found.problems);
  const problems: ConfigProblem[] = [];
  const sources = found.files.flatMap((file) => {
    const reading = readYaml({ file, text: readText(file), environment });
    problems.push(...reading.problems);
    return reading.documents;
  });
  const labels = labelsOf(sources, problems);
  const policies = sources
    .filter((source) => kindOf(source) === "policy")
    .flatMap((source) => {
      const parsed = parsePolicy(source.value, { labels });
      if (parsed.ok) return [{ source, policy: parsed.policy }];
      for (const { path, message } of parsed.problems)
        problems.push(problemAt(source, dottedPath(source.value, path), message));
      return [];
    });
  const tools = toolsOf(sources, problems);
  const budgets = takeAll(sources, problems, "budget").flatMap((each) =>
    each.kind === "budget" ? [each.document] : [],
  );
  const agents = takeAll(sources, problems, "agent").flatMap((each) => (each.kind === "agent" ? [each.document] : []));
  const ofNoKind = sources.filter((source) => !isKind(kindOf(source)));
  problems.push(...ofNoKind.map((source) => unknownKind(source, kindOf(source))), ...namedTwice(sources));
  return { policies, tools, budgets, agents, labels, problems };
}

/** A document that does not say its kind is a policy, as in TOLLGATE_POLICY. */
function kindOf({ value }: LocatedDocument): unknown {
  const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
  return kind ?? "policy";
}

function labelsOf(sources: readonly LocatedDocument[], problems: ConfigProblem[]): LabelOrder {
  const source = sources.find((each) => kindOf(each) === "labels");
  if (source === undefined) return DEFAULT_LABEL_ORDER;
  const parsed = parseLabelOrder((source.value as { readonly order?: unknown }).order);
  if (parsed.ok) return parsed.order;
  problems.push(problemAt(source, ["order"], parsed.problem));
  return DEFAULT_LABEL_ORDER;
}

function toolsOf(sources: readonly LocatedDocument[], problems: ConfigProblem[]): readonly NamedToolDeclaration[] {
  return sources
    .filter((source) => kindOf(source) === "tool")
    .flatMap((source) => {
      const validated = validate(toolDocumentSchema, source);
      if (validated.ok) return [validated.value];
      problems.push(...validated.problems);
      return [];
    });
}

function takeAll(
  sources: readonly LocatedDocument[],
  problems: ConfigProblem[],
  kind: "budget" | "agent",
): readonly DocumentOfKind[] {
  return sources
    .filter((source) => kindOf(source) === kind)
    .flatMap((source) => {
      const parsed = parseDocument(kind, source, DEFAULT_LABEL_ORDER);
      if (parsed.ok) return [parsed.value];
      problems.push(...parsed.problems);
      return [];
    });
}

/** Also of policies that are wrong otherwise: all that is wrong is said at once. */
function namedTwice(sources: readonly LocatedDocument[]): readonly ConfigProblem[] {
  const first = new Map<string, LocatedDocument>();
  return sources.flatMap((source) => {
    const { name } = (source.value ?? {}) as { readonly name?: unknown };
    if (kindOf(source) !== "policy" || typeof name !== "string") return [];
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, source);
      return [];
    }
    const place = `${other.file}:${other.locate(["name"]).line}`;
    return [problemAt(source, ["name"], `another policy is named \`${name}\`: ${place}`)];
  });
}
