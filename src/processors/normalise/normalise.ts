/**
 * One language of attributes (design D1): what older drafts of the GenAI conventions and other instrumentations send is
 * put under its current name as well, and the facts of the span are read from there. An old name never overwrites a
 * current one, and nothing is removed: the record stays what the sender sent.
 */
import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
  ATTR_GEN_AI_WORKFLOW_NAME,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_BUDGET_NAME,
  ATTR_TOLLGATE_DATA_LABEL,
  ATTR_TOLLGATE_DECISION,
  ATTR_TOLLGATE_DECISION_REASON,
  ATTR_TOLLGATE_DECISION_RULE,
  ATTR_TOLLGATE_LEASE_ID,
  ATTR_TOLLGATE_POLICY_NAME,
  ATTR_TOLLGATE_SESSION_ID,
  ATTR_TOLLGATE_WORKFLOW_ID,
  ATTR_USER_ID,
  DecisionName,
  LEGACY_ATTRIBUTES,
  LEGACY_PROVIDERS,
  Operation,
} from "@tollgate/instrumentation/semconv";
import { countAttribute, firstText, textAttribute } from "../../pdata/attribute-read.ts";
import type { Attributes, Span, SpanFacts } from "../../pdata/span.ts";

/** Tokens of one call; a sender that says more is not believed. */
const TOKENS_MAX = 1_000_000_000;

const DECISIONS: ReadonlySet<string> = new Set(Object.values(DecisionName));

/** Fills everything in `span.facts` that the span itself says: operation, model, usage, decision, session. */
export function normalise(span: Span): void {
  const { attributes, facts } = span;
  renameLegacy(attributes);
  facts.operation = operationOf(attributes);
  facts.provider = providerOf(attributes);
  facts.requestModel = textAttribute(attributes, ATTR_GEN_AI_REQUEST_MODEL);
  facts.model = textAttribute(attributes, ATTR_GEN_AI_RESPONSE_MODEL) || facts.requestModel;
  // Frameworks name workflows and agents in the same old attribute as tools.
  const isTool = facts.operation === Operation.executeTool || facts.operation === "";
  facts.tool = isTool ? textAttribute(attributes, ATTR_GEN_AI_TOOL_NAME) : "";
  facts.session = firstText(span, [ATTR_TOLLGATE_SESSION_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID]);
  facts.workflow = firstText(span, [ATTR_TOLLGATE_WORKFLOW_ID, ATTR_GEN_AI_WORKFLOW_NAME]);
  facts.user = firstText(span, [ATTR_USER_ID, "enduser.id"]);
  readUsage(attributes, facts);
  readDecision(attributes, facts);
}

function renameLegacy(attributes: Attributes): void {
  // Current names that are added on the way are visited too; they are no old names, so nothing comes of it.
  for (const [key, value] of attributes) {
    if (!Object.hasOwn(LEGACY_ATTRIBUTES, key)) continue;
    const current = LEGACY_ATTRIBUTES[key];
    if (current !== undefined && !attributes.has(current)) attributes.set(current, value);
  }
}

function providerOf(attributes: Attributes): string {
  const name = textAttribute(attributes, ATTR_GEN_AI_PROVIDER_NAME);
  const key = name.toLowerCase();
  const current = Object.hasOwn(LEGACY_PROVIDERS, key) ? (LEGACY_PROVIDERS[key] ?? name) : name;
  if (current !== name) attributes.set(ATTR_GEN_AI_PROVIDER_NAME, current);
  return current;
}

/** Values of other instrumentations' span kinds, by the attribute that holds them. */
const OPERATIONS_ELSEWHERE: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  // OpenLLMetry
  ["llm.request.type", { chat: Operation.chat, completion: Operation.textCompletion, embedding: Operation.embeddings }],
  [
    "traceloop.span.kind",
    { tool: Operation.executeTool, agent: Operation.invokeAgent, workflow: Operation.invokeWorkflow },
  ],
  // OpenInference
  [
    "openinference.span.kind",
    {
      LLM: Operation.chat,
      EMBEDDING: Operation.embeddings,
      TOOL: Operation.executeTool,
      AGENT: Operation.invokeAgent,
      CHAIN: Operation.invokeWorkflow,
    },
  ],
  // Vercel AI SDK: the outer `ai.generateText` carries the sum of its steps, only the `do…` spans are calls.
  [
    "ai.operationId",
    {
      "ai.generateText.doGenerate": Operation.chat,
      "ai.streamText.doStream": Operation.chat,
      "ai.generateObject.doGenerate": Operation.chat,
      "ai.streamObject.doStream": Operation.chat,
      "ai.embed.doEmbed": Operation.embeddings,
      "ai.embedMany.doEmbed": Operation.embeddings,
      "ai.toolCall": Operation.executeTool,
      "ai.generateText": Operation.invokeAgent,
      "ai.streamText": Operation.invokeAgent,
      "ai.generateObject": Operation.invokeAgent,
      "ai.streamObject": Operation.invokeAgent,
    },
  ],
];

function operationOf(attributes: Attributes): string {
  const operation = textAttribute(attributes, ATTR_GEN_AI_OPERATION_NAME);
  if (operation !== "") return operation;
  for (const [key, operations] of OPERATIONS_ELSEWHERE) {
    const value = textAttribute(attributes, key);
    const known = Object.hasOwn(operations, value) ? operations[value] : undefined;
    if (known === undefined) continue;
    attributes.set(ATTR_GEN_AI_OPERATION_NAME, known);
    return known;
  }
  return "";
}

function readUsage(attributes: Attributes, facts: SpanFacts): void {
  const tokens = (key: string): number | undefined => countAttribute(attributes, key, TOKENS_MAX);
  const input = tokens(ATTR_GEN_AI_USAGE_INPUT_TOKENS);
  const output = tokens(ATTR_GEN_AI_USAGE_OUTPUT_TOKENS);
  facts.hasUsage = input !== undefined || output !== undefined;
  facts.inputTokens = input ?? 0;
  facts.outputTokens = output ?? 0;
  facts.cacheReadTokens = tokens(ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS) ?? 0;
  facts.cacheWriteTokens = tokens(ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS) ?? 0;
  facts.reasoningTokens = tokens(ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS) ?? 0;
}

function readDecision(attributes: Attributes, facts: SpanFacts): void {
  const decision = textAttribute(attributes, ATTR_TOLLGATE_DECISION);
  facts.decision = isDecision(decision) ? decision : "";
  facts.decisionRule = textAttribute(attributes, ATTR_TOLLGATE_DECISION_RULE);
  facts.decisionReason = textAttribute(attributes, ATTR_TOLLGATE_DECISION_REASON);
  facts.policy = textAttribute(attributes, ATTR_TOLLGATE_POLICY_NAME);
  facts.budget = textAttribute(attributes, ATTR_TOLLGATE_BUDGET_NAME);
  facts.leaseId = textAttribute(attributes, ATTR_TOLLGATE_LEASE_ID);
  facts.dataLabel = textAttribute(attributes, ATTR_TOLLGATE_DATA_LABEL);
}

function isDecision(text: string): text is DecisionName {
  return DECISIONS.has(text);
}
