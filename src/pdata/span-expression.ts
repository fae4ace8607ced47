/**
 * CEL over spans, for the conditions and values of filter, transform and sample: one set of names for all of them, listed
 * in docs/expressions.md. Attributes are read only where an expression names them.
 */
import {
  createExpressionLanguage,
  type Expression,
  type ExpressionCompilation,
  type ExpressionResult,
  type ExpressionScope,
} from "@tollgate/instrumentation/policy";
import { textAttribute } from "./attribute-read.ts";
import { type Span, SpanKind, StatusCode } from "./span.ts";

const KINDS = Object.keys(SpanKind);
const STATUSES = Object.keys(StatusCode);

type Reader = (span: Span) => unknown;

/** Name → its type and where it comes from. */
const VARIABLES: Readonly<Record<string, { readonly type: string; readonly read: Reader }>> = {
  name: { type: "string", read: (span) => span.name },
  kind: { type: "string", read: (span) => KINDS[span.kind] ?? "unspecified" },
  status: { type: "string", read: (span) => STATUSES[span.statusCode] ?? "unset" },
  status_message: { type: "string", read: (span) => span.statusMessage },
  is_root: { type: "bool", read: (span) => span.parentSpanId === "" },
  duration_ms: { type: "double", read: (span) => Number(span.endUnixNano - span.startUnixNano) / 1e6 },
  service: { type: "string", read: (span) => textAttribute(span.resource.attributes, "service.name") },
  scope: { type: "string", read: (span) => span.scope.name },
  agent: { type: "string", read: (span) => span.facts.agent },
  team: { type: "string", read: (span) => span.facts.team },
  role: { type: "string", read: (span) => span.facts.role },
  session: { type: "string", read: (span) => span.facts.session },
  workflow: { type: "string", read: (span) => span.facts.workflow },
  user: { type: "string", read: (span) => span.facts.user },
  operation: { type: "string", read: (span) => span.facts.operation },
  provider: { type: "string", read: (span) => span.facts.provider },
  model: { type: "string", read: (span) => span.facts.model },
  tool: { type: "string", read: (span) => span.facts.tool },
};

const language = createExpressionLanguage({
  variables: Object.fromEntries(Object.entries(VARIABLES).map(([name, { type }]) => [name, type])),
  maps: ["attributes", "resource"],
});

/** The scope of one span after the other: one object, so that a span costs no allocation. */
class SpanScope implements ExpressionScope {
  span: Span | undefined;

  variable(name: string): unknown {
    return this.span === undefined ? undefined : VARIABLES[name]?.read(this.span);
  }

  member(map: string, key: string): unknown {
    const attributes = map === "resource" ? this.span?.resource.attributes : this.span?.attributes;
    return attributes?.get(key);
  }
}

/** Whether a condition is met; one that needs an attribute the span lacks is not. */
export type SpanConditionOutcome =
  | { readonly kind: "met" | "not_met" }
  | { readonly kind: "error"; readonly reason: string };

const MET: SpanConditionOutcome = { kind: "met" };
const NOT_MET: SpanConditionOutcome = { kind: "not_met" };

export interface SpanCondition {
  readonly source: string;
  /** Never throws. */
  test(span: Span): SpanConditionOutcome;
}

/** Checks an expression over spans. Never throws. */
export function compileSpanExpression(source: string, result: ExpressionResult): ExpressionCompilation {
  return language.compile(source, result);
}

/** Throws `TypeError` for a source that does not compile: configuration has been checked before. */
export function spanCondition(source: string): SpanCondition {
  const expression = compiled(source, "bool");
  const scope = new SpanScope();
  return {
    source,
    test(span) {
      scope.span = span;
      const outcome = expression.evaluate(scope);
      scope.span = undefined;
      if (outcome.kind === "absent") return NOT_MET;
      if (outcome.kind === "error") return outcome;
      if (outcome.value === true) return MET;
      return outcome.value === false ? NOT_MET : { kind: "error", reason: "its result is no bool" };
    },
  };
}

/** The value of an expression over a span. Throws as `spanCondition` does. */
export function spanValue(source: string): (span: Span) => ReturnType<Expression["evaluate"]> {
  const expression = compiled(source, "any");
  const scope = new SpanScope();
  return (span) => {
    scope.span = span;
    const outcome = expression.evaluate(scope);
    scope.span = undefined;
    return outcome;
  };
}

function compiled(source: string, result: ExpressionResult): Expression {
  const compilation = compileSpanExpression(source, result);
  if (!compilation.ok) throw new TypeError(`${source}: ${compilation.message}`);
  return compilation.expression;
}
