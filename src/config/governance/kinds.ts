import { compileGlob, type LabelOrder, parsePolicy } from "@tollgate/instrumentation/policy";
import { type PricesDocument, validatePrices } from "@tollgate/instrumentation/pricing";
import type { Budget } from "../../budget/budget.ts";
import { parseBudget } from "../../budget/budget-document.ts";
import { type AgentDocument, agentDocumentSchema } from "../../policy/agent-document.ts";
import { type LabelsDocument, labelsDocumentSchema } from "../../policy/labels-document.ts";
import type { PolicyBinding } from "../../policy/registry.ts";
import { type ToolDocument, toolDocumentSchema } from "../../policy/tool-document.ts";
import { type RunawayDocument, runawayDocumentSchema } from "../../runaway/runaway-document.ts";
import { dottedPath } from "../dotted-path.ts";
import type { ConfigProblem } from "../problem.ts";
import { type Validated, validate } from "../validate.ts";
import { type LocatedDocument, problemAt } from "../yaml-document.ts";
import { type AlertDocument, alertDocumentSchema } from "./alert-document.ts";

/** One checked document with its kind and name. */
export type DocumentOfKind = { readonly name: string } & (
  | { readonly kind: "budget"; readonly document: Budget }
  | { readonly kind: "policy"; readonly document: PolicyBinding }
  | { readonly kind: "agent"; readonly document: AgentDocument }
  | { readonly kind: "prices"; readonly document: PricesDocument }
  | { readonly kind: "tool"; readonly document: ToolDocument }
  | { readonly kind: "labels"; readonly document: LabelsDocument }
  | { readonly kind: "alert"; readonly document: AlertDocument }
  | { readonly kind: "runaway"; readonly document: RunawayDocument }
);

export type Kind = DocumentOfKind["kind"];

const KINDS = [
  "budget",
  "policy",
  "agent",
  "prices",
  "tool",
  "labels",
  "alert",
  "runaway",
] as const satisfies readonly Kind[];

/** Says that a document is of no kind there is. `given`: what it says of it. */
export function unknownKind(source: LocatedDocument, given: unknown): ConfigProblem {
  const said = typeof given === "string" ? `\`${given}\` is not a kind of document; ` : "";
  return problemAt(source, ["kind"], `${said}expected one of ${KINDS.join(", ")}`);
}

export function isKind(text: unknown): text is Kind {
  return KINDS.some((kind) => kind === text);
}

/** Checks a document by the schema of its kind; conditions of policies by what `labels` has. Every problem has its place. */
export function parseDocument(kind: Kind, source: LocatedDocument, labels: LabelOrder): Validated<DocumentOfKind> {
  switch (kind) {
    case "budget":
      return budget(source);
    case "policy":
      return policy(source, labels);
    case "prices":
      return prices(source);
    case "agent":
      return named(validate(agentDocumentSchema, source), (document) => ({ kind, name: document.name, document }));
    case "tool":
      return named(validate(toolDocumentSchema, source), (document) => ({ kind, name: document.name, document }));
    case "labels":
      return named(validate(labelsDocumentSchema, source), (document) => ({ kind, name: document.name, document }));
    case "runaway":
      return named(validate(runawayDocumentSchema, source), (document) => ({ kind, name: document.name, document }));
    case "alert":
      return named(validate(alertDocumentSchema, source), (document) => ({ kind, name: document.name, document }));
  }
}

function named<T>(validated: Validated<T>, make: (document: T) => DocumentOfKind): Validated<DocumentOfKind> {
  return validated.ok ? { ok: true, value: make(validated.value) } : validated;
}

function budget(source: LocatedDocument): Validated<DocumentOfKind> {
  const reading = parseBudget(source.value);
  if (reading.outcome === "refused") return refused(source, reading.problems);
  return { ok: true, value: { kind: "budget", name: reading.budget.name, document: reading.budget } };
}

function policy(source: LocatedDocument, labels: LabelOrder): Validated<DocumentOfKind> {
  const reading = parsePolicy(source.value, { labels });
  if (!reading.ok) return refused(source, reading.problems);
  const { name, agents } = reading.policy;
  const globs = agents.map((pattern) => compileGlob(pattern));
  const appliesTo = (agent: string): boolean => globs.length === 0 || globs.some((matches) => matches(agent));
  // The gate gets the document as it was written and reads it with the same function.
  return { ok: true, value: { kind: "policy", name, document: { name, appliesTo, agents, document: source.value } } };
}

function prices(source: LocatedDocument): Validated<DocumentOfKind> {
  const problems = validatePrices(source.value);
  if (problems.length > 0) return refused(source, problems);
  const document = source.value as PricesDocument;
  return { ok: true, value: { kind: "prices", name: document.name, document } };
}

/** Problems of a reader that knows nothing of files: their path is text. */
function refused(
  source: LocatedDocument,
  problems: readonly { readonly path: string; readonly message: string }[],
): Validated<DocumentOfKind> {
  return {
    ok: false,
    problems: problems.map(({ path, message }) => problemAt(source, dottedPath(source.value, path), message)),
  };
}
