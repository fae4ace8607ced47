/**
 * Which attributes hold content: what people and models said to each other, and what tools were given and gave back. By
 * name, in every dialect that docs/dialects.md lists and in those of some frameworks beside them; read from the golden
 * files in test/fixtures/dialects and from the senders' documentation (2026-11). Names, models, usage, ids and finish
 * reasons are never content. Where a key mixes both (`llm.invocation_parameters` repeats the whole request), it is content.
 */

/** Attributes that are content by this very name. */
const CONTENT_KEYS: ReadonlySet<string> = new Set([
  // The GenAI conventions, current and older drafts.
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "gen_ai.system_instructions",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.tool.definitions",
  "gen_ai.retrieval.query.text",
  "gen_ai.retrieval.documents",
  "gen_ai.memory.query.text",
  "gen_ai.memory.records",
  "gen_ai.evaluation.explanation",
  "gen_ai.event.content",
  "gen_ai.prompt",
  "gen_ai.completion",
  "gen_ai.request.messages",
  "gen_ai.response.messages",
  "gen_ai.response.text",
  // OpenLIT's older names.
  "gen_ai.tool.args",
  "gen_ai.tool.arguments",
  "gen_ai.tool.input",
  "gen_ai.tool.output",
  "gen_ai.tool.result",
  // OpenLLMetry.
  "llm.prompts",
  "llm.completions",
  "llm.headers",
  "traceloop.entity.input",
  "traceloop.entity.output",
  "traceloop.prompt.template",
  "traceloop.prompt.template_variables",
  // OpenInference.
  "input.value",
  "output.value",
  "llm.invocation_parameters",
  "llm.function_call",
  "llm.prompt_template.template",
  "llm.prompt_template.variables",
  "prompt.template.template",
  "prompt.template.variables",
  "embedding.text",
  "embedding.vector",
  "message.content",
  "message.function_call_arguments_json",
  "tool_call.function.arguments",
  "tool.parameters",
  "reranker.query",
  "document.content",
  // Vercel AI SDK.
  "ai.prompt",
  "ai.response.text",
  "ai.response.object",
  "ai.response.toolCalls",
  "ai.response.reasoning",
  "ai.response.files",
  "ai.response.providerMetadata",
  "ai.result.text",
  "ai.result.object",
  "ai.result.toolCalls",
  "ai.toolCall.args",
  "ai.toolCall.input",
  "ai.toolCall.output",
  "ai.toolCall.result",
  "ai.value",
  "ai.values",
  "ai.embedding",
  "ai.embeddings",
  // Langfuse.
  "langfuse.observation.input",
  "langfuse.observation.output",
  "langfuse.observation.metadata.tools",
  "langfuse.trace.input",
  "langfuse.trace.output",
  // MLflow.
  "mlflow.spanInputs",
  "mlflow.spanOutputs",
  "mlflow.traceInputs",
  "mlflow.traceOutputs",
  "mlflow.chat.messages",
  "mlflow.chat.tools",
  "mlflow.chunk.value",
  // Pydantic AI.
  "all_messages_events",
  "events",
  "final_result",
  "model_request_parameters",
  "pydantic_ai.all_messages",
  "tool_arguments",
  "tool_response",
  // Google ADK.
  "gcp.vertex.agent.data",
  "gcp.vertex.agent.llm_request",
  "gcp.vertex.agent.llm_response",
  "gcp.vertex.agent.tool_call_args",
  "gcp.vertex.agent.tool_response",
  // Braintrust, LangWatch, Haystack.
  "braintrust.expected",
  "braintrust.input",
  "braintrust.input_json",
  "braintrust.output",
  "braintrust.output_json",
  "haystack.agent.input",
  "haystack.agent.output",
  "haystack.component.input",
  "haystack.component.output",
  "langwatch.contexts",
  "langwatch.input",
  "langwatch.output",
  // LangSmith.
  "ai.response.choices",
  "langsmith.request.headers",
  // MCP by OpenLLMetry and OpenLIT, OpenLIT's browsers and databases, vector databases by OpenLLMetry.
  "mcp.completion.argument.value",
  "mcp.completion.values",
  "mcp.response.value",
  "gen_ai.browser.action.value",
  "db.marqo.search.query",
  "db.query.embeddings.vector",
  "db.query.result.document",
  "db.query.result.metadata",
  "db.query.result.vector",
  "db.search.result.entity",
  "db.update.metadata",
  "db.update.values",
  "db.vector.query.embeddings.vector",
  "pinecone.query.queries",
  // Bare names that CrewAI and others put beside the families below.
  "crew_agents",
  "crew_inputs",
  "crew_tasks",
  "input.documents",
  "input.images",
  "llm.input_messages",
  "llm.output_messages",
  "output.documents",
  "output.images",
  "prompt.text",
  "langfuse.experiment.item.expected_output",
]);

/** Families of content attributes: flattened lists of messages, documents and tools. */
const CONTENT_PREFIXES = [
  "gen_ai.prompt.",
  "gen_ai.completion.",
  "gen_ai.content.",
  "gen_ai.input.messages.",
  "gen_ai.output.messages.",
  "gen_ai.system_instructions.",
  "gen_ai.tool.call.arguments.",
  "gen_ai.tool.call.result.",
  "gen_ai.tool.definitions.",
  "llm.prompts.",
  "llm.completions.",
  "llm.input_messages.",
  "llm.output_messages.",
  "llm.request.functions.",
  "llm.tools.",
  "llm.choices.",
  "llm.prompt_template.variables.",
  "input.value.",
  "output.value.",
  "input.images.",
  "output.images.",
  "embedding.embeddings.",
  "message.contents.",
  "retrieval.documents.",
  "reranker.input_documents.",
  "reranker.output_documents.",
  "ai.prompt.",
  "traceloop.entity.input.",
  "traceloop.entity.output.",
  "langfuse.observation.input.",
  "langfuse.observation.output.",
  "langfuse.trace.input.",
  "langfuse.trace.output.",
] as const;

/** Of the families above, what only names something: a prompt of a catalogue, by its name and version. */
const NOT_CONTENT: ReadonlySet<string> = new Set([
  "gen_ai.prompt.id",
  "gen_ai.prompt.name",
  "gen_ai.prompt.version",
  "ai.prompt.toolChoice",
]);

/** LiteLLM writes each member of the provider's own request and answer as `llm.PROVIDER.MEMBER`: whatever the provider calls them. */
const RAW_MEMBER = /^llm\.([^.]+)\.(.+)$/;
/** What stands after `llm.` with members of its own, and is no provider. */
const NO_PROVIDERS: ReadonlySet<string> = new Set([
  "chat",
  "cost",
  "prompt_template",
  "request",
  "response",
  "token_count",
  "usage",
]);
/** Of the members, what is none of the words of a person, a model or a tool. */
const RAW_PLAIN: ReadonlySet<string> = new Set([
  "created",
  "created_at",
  "finish_reason",
  "id",
  "max_completion_tokens",
  "max_output_tokens",
  "max_tokens",
  "model",
  "object",
  "role",
  "service_tier",
  "status",
  "stop_reason",
  "stream",
  "system_fingerprint",
  "temperature",
  "top_k",
  "top_p",
  "type",
  "usage",
]);

function isRawContent(key: string): boolean {
  const [, provider, member] = RAW_MEMBER.exec(key) ?? [];
  return provider !== undefined && member !== undefined && !NO_PROVIDERS.has(provider) && !RAW_PLAIN.has(member);
}

/**
 * Frameworks make up names within the namespaces of models, agents and tools faster than a list can follow (`gen_ai.task.output`,
 * `crewai.agent.goal`, `mcp.tool.arguments`): one whose last word is a word for content is content. Counts and errors are not.
 */
const NAMESPACE = /^(?:gen_ai|mcp|crewai|agno|mastra|smolagents|agent|task|tool)\.(?!usage\.|token\.|cost\.)/;
const LAST_WORD =
  /[._](?:answers?|args|arguments?|backstory|body|choices|completions?|contents?|context|data|documents?|goal|headers|images?|inputs?|instructions?|kwargs|messages?|outputs?|params|parameters|payload|prompts?|quer(?:y|ies)|reasoning|responses?|results?|texts?|thoughts?|tool_calls|transcript(?:ion)?|task\.description)$/;
const ERROR = /[._]error[._]/;
/** No word is longer, however long the name is that a sender made up. */
const TAIL_LENGTH = 32;

function isSpoken(key: string): boolean {
  return NAMESPACE.test(key) && LAST_WORD.test(key.slice(-TAIL_LENGTH)) && !ERROR.test(key);
}

/** True for the key of an attribute that holds content, on a span, an event of a span or a log record. */
export function isContentKey(key: string): boolean {
  if (CONTENT_KEYS.has(key)) return true;
  if (CONTENT_PREFIXES.some((prefix) => key.startsWith(prefix))) return !NOT_CONTENT.has(key);
  return (key.startsWith("llm.") && isRawContent(key)) || isSpoken(key);
}

/** The runtime of AutoGen writes what agents say to each other under a name that is everyday elsewhere. */
const AUTOGEN = { scope: "autogen", keys: ["message"] } as const;
const NO_KEYS: readonly string[] = [];

/** Keys that hold content on the spans of this scope only. */
export function contentKeysOfScope(scope: string): readonly string[] {
  return scope.startsWith(AUTOGEN.scope) ? AUTOGEN.keys : NO_KEYS;
}

/** Events of older drafts of the GenAI conventions that carry messages in attributes or bodies with everyday names. */
const CONTENT_EVENTS: ReadonlySet<string> = new Set([
  "gen_ai.system.message",
  "gen_ai.user.message",
  "gen_ai.assistant.message",
  "gen_ai.tool.message",
  "gen_ai.choice",
  "gen_ai.content.prompt",
  "gen_ai.content.completion",
  "gen_ai.client.inference.operation.details",
]);

/** What such an event may keep: who spoke and why it ended, not what was said. */
const EVENT_PLAIN_KEYS: ReadonlySet<string> = new Set(["event.name", "finish_reason", "id", "index", "role"]);

/** True for an event, of a span or as a log record, whose attributes and body hold messages. */
export function isContentEvent(name: string): boolean {
  return CONTENT_EVENTS.has(name);
}

/**
 * True for the key of an attribute that holds content within an event of that name. In an event that carries messages, all
 * names outside the conventions' own are content but for a few.
 */
export function isEventContentKey(event: string, key: string): boolean {
  if (isContentKey(key)) return true;
  return isContentEvent(event) && !key.includes(".") && !EVENT_PLAIN_KEYS.has(key);
}
