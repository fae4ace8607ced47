/**
 * One language of attributes (design D1): what older drafts of the GenAI conventions and other instrumentations send is
 * put under its current name as well, and the facts of the span are read from there. An old name never overwrites a
 * current one, and nothing is removed: the record stays what the sender sent.
 */
import { inferProvider } from "@tollgate/instrumentation/pricing";
import {
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_TOLLGATE_BUDGET_NAME,
  ATTR_TOLLGATE_DATA_LABEL,
  ATTR_TOLLGATE_DECISION,
  ATTR_TOLLGATE_DECISION_REASON,
  ATTR_TOLLGATE_DECISION_RULE,
  ATTR_TOLLGATE_LEASE_ID,
  ATTR_TOLLGATE_POLICY_NAME,
  ATTR_TOLLGATE_PROVIDER_INFERRED,
  ATTR_TOLLGATE_USAGE_AGGREGATE,
  DecisionName,
  FRAMEWORK_NAMES,
  INFERENCE_OPERATIONS,
  LEGACY_ATTRIBUTES,
  LEGACY_PROVIDERS,
  Operation,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { textAttribute } from "../../pdata/attribute-read.ts";
import { type Attributes, type Span, type SpanFacts, StatusCode } from "../../pdata/span.ts";
import { KeyMemo } from "../../pdata/key-memo.ts";
import { readNames } from "../../pdata/span-names.ts";
import { dialectsOf } from "./dialects.ts";
import { readOperation } from "./operation.ts";
import { addReading } from "./reading.ts";
import { type Counted, readUsage } from "./usage.ts";

const LEGACY: ReadonlyMap<string, string> = new Map(Object.entries(LEGACY_ATTRIBUTES));
const PROVIDERS: ReadonlyMap<string, string> = new Map(Object.entries(LEGACY_PROVIDERS));
/** Names that are current, and written in any case (`OpenAI`). */
const CURRENT_PROVIDERS: ReadonlySet<string> = new Set([...PROVIDERS.values(), "ibm.watsonx.ai"]);
const FRAMEWORKS: ReadonlySet<string> = new Set(FRAMEWORK_NAMES);
const DECISIONS: ReadonlySet<string> = new Set(Object.values(DecisionName));
const KEYS = {
  requestModel: AttributeKey.of(ATTR_GEN_AI_REQUEST_MODEL),
  responseModel: AttributeKey.of(ATTR_GEN_AI_RESPONSE_MODEL),
  provider: AttributeKey.of(ATTR_GEN_AI_PROVIDER_NAME),
  tool: AttributeKey.of(ATTR_GEN_AI_TOOL_NAME),
  decision: AttributeKey.of(ATTR_TOLLGATE_DECISION),
  decisionRule: AttributeKey.of(ATTR_TOLLGATE_DECISION_RULE),
  decisionReason: AttributeKey.of(ATTR_TOLLGATE_DECISION_REASON),
  policy: AttributeKey.of(ATTR_TOLLGATE_POLICY_NAME),
  budget: AttributeKey.of(ATTR_TOLLGATE_BUDGET_NAME),
  leaseId: AttributeKey.of(ATTR_TOLLGATE_LEASE_ID),
  dataLabel: AttributeKey.of(ATTR_TOLLGATE_DATA_LABEL),
} as const;
/** `error.type` where something failed and nothing says what. */
const ERROR_OTHER = "_OTHER";

/** Fills everything in `span.facts` that the span itself says: operation, model, usage, decision, session. */
export function normalise(span: Span): void {
  const { attributes, facts } = span;
  renameLegacy(attributes);
  const counted: Counted = { isCacheBeside: false, isReasoningBeside: false, isPartial: false };
  for (const dialect of dialectsOf(attributes)) {
    const reading = dialect.read(span);
    addReading(attributes, reading);
    counted.isCacheBeside ||= reading.isCacheBeside === true;
    counted.isReasoningBeside ||= reading.isReasoningBeside === true;
    counted.isPartial ||= reading.isPartial === true;
    facts.isToldAbove ||= reading.isToldAbove === true;
  }
  facts.requestModel = textAttribute(attributes, KEYS.requestModel);
  facts.model = textAttribute(attributes, KEYS.responseModel) || facts.requestModel;
  facts.operation = readOperation(span, facts.model);
  facts.provider = providerOf(attributes, facts);
  // Frameworks name workflows and agents in the same old attribute as tools.
  const isTool = facts.operation === Operation.executeTool || facts.operation === "";
  facts.tool = isTool ? textAttribute(attributes, KEYS.tool) : "";
  readNames(span);
  readUsage(span, counted);
  if (facts.hasUsage && (facts.isToldAbove || !INFERENCE_OPERATIONS.has(facts.operation)))
    attributes.set(ATTR_TOLLGATE_USAGE_AGGREGATE, true);
  readDecision(attributes, facts);
  if (span.statusCode === StatusCode.error && !attributes.has(ATTR_ERROR_TYPE)) {
    attributes.set(ATTR_ERROR_TYPE, exceptionType(span) || ERROR_OTHER);
  }
}

/** Old names among the keys, each with its current one. */
const oldNames = new KeyMemo((all) =>
  [...all.keys()].flatMap((key): (readonly [string, string])[] => {
    const current = LEGACY.get(key);
    return current === undefined ? [] : [[key, current]];
  }),
);

function renameLegacy(attributes: Attributes): void {
  for (const [old, current] of oldNames.of(attributes)) {
    const value = attributes.get(old);
    if (value !== undefined && !attributes.has(current)) attributes.set(current, value);
  }
}

function providerOf(attributes: Attributes, facts: SpanFacts): string {
  const name = textAttribute(attributes, KEYS.provider);
  if (name === "" || FRAMEWORKS.has(name.toLowerCase())) {
    const inferred = INFERENCE_OPERATIONS.has(facts.operation) ? inferProvider(facts.model) : "";
    if (inferred !== "") attributes.set(ATTR_TOLLGATE_PROVIDER_INFERRED, true);
    return inferred;
  }
  const current = currentProvider(name);
  if (current !== name) attributes.set(ATTR_GEN_AI_PROVIDER_NAME, current);
  return current;
}

/** As the conventions write it. Another's own name stays as it is. */
function currentProvider(name: string): string {
  const known = PROVIDERS.get(name);
  if (known !== undefined) return known;
  if (CURRENT_PROVIDERS.has(name)) return name;
  const lower = name.toLowerCase();
  return PROVIDERS.get(lower) ?? (CURRENT_PROVIDERS.has(lower) ? lower : name);
}

/** What was thrown, as the exception event has it; "" without one. */
function exceptionType({ events }: Span): string {
  for (const event of events) {
    if (event.name === "exception") return textAttribute(event.attributes, "exception.type");
  }
  return "";
}

function readDecision(attributes: Attributes, facts: SpanFacts): void {
  const decision = textAttribute(attributes, KEYS.decision);
  facts.decision = isDecision(decision) ? decision : "";
  facts.decisionRule = textAttribute(attributes, KEYS.decisionRule);
  facts.decisionReason = textAttribute(attributes, KEYS.decisionReason);
  facts.policy = textAttribute(attributes, KEYS.policy);
  facts.budget = textAttribute(attributes, KEYS.budget);
  facts.leaseId = textAttribute(attributes, KEYS.leaseId);
  facts.dataLabel = textAttribute(attributes, KEYS.dataLabel);
}

function isDecision(text: string): text is DecisionName {
  return DECISIONS.has(text);
}
