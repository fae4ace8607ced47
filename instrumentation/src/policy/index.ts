/** The policy engine: pure, without I/O or clock. The gate decides with it, the processor replays with it. */
export { agentChain, ANCESTORS_LABEL, valuesOf } from "./agent-chain.ts";
export { argumentsDigest, CanonicalArguments, canonicalArguments, canonicalJson } from "./canonical-json.ts";
export type { CanonicalOutcome, JsonValue } from "./canonical-json.ts";
export type { CompiledPolicy } from "./compiled-policy.ts";
export { compilePolicy, decide } from "./decide.ts";
export type { DecideOptions } from "./decide.ts";
export type { Decision, MatchedRule } from "./decision.ts";
export { parsePolicy } from "./document.ts";
export type { DefaultEffect, Effect, PolicyDocument, PolicyParse, PolicyProblem, PolicyRule } from "./document.ts";
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
export { compileGlob, foldCase, GlobError } from "./glob.ts";
export { DATA_LABELS, higherLabel, isDataLabel, labelRank } from "./label.ts";
export type { DataLabel } from "./label.ts";
export type { AgentFacts, PolicyRequest, SessionFacts, ToolFacts } from "./request.ts";
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
export { POLICY_TEMPLATES } from "./templates.ts";
export type { PolicyTemplate } from "./templates.ts";
export type { ApprovalOutcome, AuditContext, AuditEntry } from "./audit-log.ts";
