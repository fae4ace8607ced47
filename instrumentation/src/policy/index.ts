/** The policy engine: pure, without I/O or clock. The gate decides with it, the processor replays with it. */
export { AUTONOMY_LEVELS, leastAutonomy } from "./autonomy.ts";
export type { Autonomy } from "./autonomy.ts";
export { agentChain, ANCESTORS_LABEL, valuesOf } from "./agent-chain.ts";
export { argumentsDigest, CanonicalArguments, canonicalArguments, canonicalJson } from "./canonical-json.ts";
export type { CanonicalOutcome, JsonValue } from "./canonical-json.ts";
export type { CompiledPolicy } from "./compiled-policy.ts";
export { compilePolicy, decide } from "./decide.ts";
export type { DecideOptions } from "./decide.ts";
export type { Decision, MatchedRule, ShadowDecision } from "./decision.ts";
export { parsePolicy } from "./document.ts";
export type {
  DefaultEffect,
  Effect,
  ParseOptions,
  PolicyDocument,
  PolicyParse,
  PolicyProblem,
  PolicyRule,
} from "./document.ts";
export { parseEndpointPattern } from "./endpoint-pattern.ts";
export { createExpressionLanguage } from "./expression.ts";
export type {
  Expression,
  ExpressionCompilation,
  ExpressionLanguage,
  ExpressionLanguageOptions,
  ExpressionOutcome,
  ExpressionResult,
  ExpressionScope,
} from "./expression.ts";
export { unaskedArguments } from "./judge-condition.ts";
export { lintPolicy } from "./lint.ts";
export type { LintFinding, LintOptions, LintRule } from "./lint.ts";
export { findLabels } from "../session/find-labels.ts";
export { AgentPast, KEY_SHAPE, KNOWN_MAX, PAST_LABELS_MAX, PAST_TOOLS_MAX } from "../session/agent-past.ts";
export { isDryRun, reachOf, ROW_KEYS } from "../session/reach.ts";
export type { Reach } from "../session/reach.ts";
export { placesOf } from "../session/places.ts";
export { ANY_SYSTEM, labelsReadBy, ToolCatalogue } from "./tool-catalogue.ts";
export type { NamedToolDeclaration, ToolDeclaration } from "./tool-catalogue.ts";
export { compileGlob, foldCase, GlobError } from "./glob.ts";
export { DATA_LABELS, DEFAULT_LABEL_ORDER, LABEL_LEVELS_MAX, LabelOrder, parseLabelOrder } from "./label.ts";
export type { DataLabel, LabelOrderParse } from "./label.ts";
export { EXPANSIONS, REVERSIBILITIES, TOOL_ACTIONS } from "./request.ts";
export type {
  AgentFacts,
  Expansion,
  PolicyRequest,
  Reversibility,
  SessionFacts,
  ToolAction,
  ToolFacts,
} from "./request.ts";
export { Policy } from "./policy.ts";
export type {
  ApprovalHandler,
  ApprovalRequest,
  CheckContext,
  PolicyCheck,
  PolicyInput,
  PolicyOptions,
} from "./policy.ts";
export { parseSelector, selectorText, SELECTOR_LENGTH_MAX } from "./selector.ts";
export type { Selector, SelectorParse } from "./selector.ts";
export { POLICY_TEMPLATES, policyTemplate } from "./templates.ts";
export type { PolicyTemplate } from "./templates.ts";
export type { ApprovalOutcome, AuditContext, AuditEntry } from "./audit-log.ts";
