/**
 * Every attribute name that Tollgate writes or reads, once. `gen_ai.*` follows the OpenTelemetry GenAI conventions
 * (https://github.com/open-telemetry/semantic-conventions-genai, status Development, read 2026-11); what those lack is
 * under `tollgate.*`. The published constants package knows these names only as deprecated, hence a file of our own.
 *
 * Each comment is `type. meaning`, and docs/attributes.md is generated from them by scripts/generate-attributes.ts: one
 * line of comment, then one constant. Old names, which other instrumentations still send, are in `semconv-legacy.ts`.
 */

// GenAI: what the call was
/** string. What the span does: one of `Operation`. */
export const ATTR_GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
/** string. Who serves the model: `openai`, `anthropic`, `azure.ai.openai`, `aws.bedrock`, `gcp.vertex_ai`, … */
export const ATTR_GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
/** string. The model that was asked for, as sent. */
export const ATTR_GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
/** int, tokens. The bound of the output, as sent. */
export const ATTR_GEN_AI_REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
/** boolean. Whether the answer is streamed; said of those that are. */
export const ATTR_GEN_AI_REQUEST_STREAM = "gen_ai.request.stream";
/** int. How many answers were asked for, when not 1. */
export const ATTR_GEN_AI_REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count";
/** double. Temperature, as sent. */
export const ATTR_GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature";
/** double. Nucleus sampling, as sent. */
export const ATTR_GEN_AI_REQUEST_TOP_P = "gen_ai.request.top_p";
/** double. Top-k sampling, as sent. */
export const ATTR_GEN_AI_REQUEST_TOP_K = "gen_ai.request.top_k";
/** double. Frequency penalty, as sent. */
export const ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty";
/** double. Presence penalty, as sent. */
export const ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty";
/** int. Seed, as sent. */
export const ATTR_GEN_AI_REQUEST_SEED = "gen_ai.request.seed";
/** string[]. Stop sequences, as sent. */
export const ATTR_GEN_AI_REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences";
/** string. The provider's id of the answer. */
export const ATTR_GEN_AI_RESPONSE_ID = "gen_ai.response.id";
/** string. The model that answered: a dated snapshot of the one asked for, or another. */
export const ATTR_GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
/** string[]. Why each answer ended. */
export const ATTR_GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
/** double, seconds. From the request to the first chunk of a streamed answer. */
export const ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
/** int, tokens. Input, with cache reads and writes. */
export const ATTR_GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
/** int, tokens. Output, with reasoning. */
export const ATTR_GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
/** int, tokens. Input and output together: of no convention, but some senders tell nothing else. */
export const ATTR_GEN_AI_USAGE_TOTAL_TOKENS = "gen_ai.usage.total_tokens";
/** int, tokens. The part of the input that was read from the provider's cache. */
export const ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
/** int, tokens. The part of the input that was written to the provider's cache. */
export const ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens";
/** int, tokens. The part of the output that was reasoning. */
export const ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens";
/** string. The conversation, as the provider or framework names it; never made up. */
export const ATTR_GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";
/** string. Kind of output asked for: `text`, `json`, `image`, `speech`. */
export const ATTR_GEN_AI_OUTPUT_TYPE = "gen_ai.output.type";
/** string. The agent by the conventions; `tollgate.agent.name` is who pays and answers for it. */
export const ATTR_GEN_AI_AGENT_NAME = "gen_ai.agent.name";
/** string. The agent's id by the conventions. */
export const ATTR_GEN_AI_AGENT_ID = "gen_ai.agent.id";
/** string. The workflow by the conventions. */
export const ATTR_GEN_AI_WORKFLOW_NAME = "gen_ai.workflow.name";
/** string. The tool that runs. */
export const ATTR_GEN_AI_TOOL_NAME = "gen_ai.tool.name";
/** string. `function`, `extension` or `datastore`. */
export const ATTR_GEN_AI_TOOL_TYPE = "gen_ai.tool.type";
/** string. What the tool says of itself. */
export const ATTR_GEN_AI_TOOL_DESCRIPTION = "gen_ai.tool.description";
/** string. The model's id of this call of the tool. */
export const ATTR_GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id";
/** any, opt-in content. Arguments of the tool call. */
export const ATTR_GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
/** any, opt-in content. Result of the tool call. */
export const ATTR_GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result";
/** any, opt-in content. Definitions of the tools offered to the model. */
export const ATTR_GEN_AI_TOOL_DEFINITIONS = "gen_ai.tool.definitions";
/** any, opt-in content. The system instructions. */
export const ATTR_GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions";
/** any, opt-in content. The messages sent. */
export const ATTR_GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages";
/** any, opt-in content. The messages received. */
export const ATTR_GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages";

// General conventions
/** string. The class or code of what went wrong; for a refusal, the code of the typed error. */
export const ATTR_ERROR_TYPE = "error.type";
/** string. The host that the request went to. */
export const ATTR_SERVER_ADDRESS = "server.address";
/** int. Its port, when it is not the usual one. */
export const ATTR_SERVER_PORT = "server.port";
/** string. Method of a request that is no model call, on the span of where it went. */
export const ATTR_HTTP_REQUEST_METHOD = "http.request.method";
/** string. The service's name; the agent's name when nothing better is known. */
export const ATTR_SERVICE_NAME = "service.name";
/** string. The session, from an instrumentation that knows no better name. */
export const ATTR_SESSION_ID = "session.id";
/** string. On whose behalf the agent acts. */
export const ATTR_USER_ID = "user.id";
/** string. The environment, for instance `production`. */
export const ATTR_DEPLOYMENT_ENVIRONMENT_NAME = "deployment.environment.name";
/** string. The MCP method, for instance `tools/call`. */
export const ATTR_MCP_METHOD_NAME = "mcp.method.name";
/** string. The version of MCP that client and server agreed on, where their connection says it. */
export const ATTR_MCP_PROTOCOL_VERSION = "mcp.protocol.version";
/** string. Of a connection over HTTP whose server keeps sessions. */
export const ATTR_MCP_SESSION_ID = "mcp.session.id";

// Cost
/** string, decimal USD with 9 places. What the call cost. */
export const ATTR_TOLLGATE_COST_USD = "tollgate.cost.usd";
/** int, nano-dollars. What the call cost. */
export const ATTR_TOLLGATE_COST_NANO_USD = "tollgate.cost.nano_usd";
/** string. How the cost is known: one of `CostStatus`. */
export const ATTR_TOLLGATE_COST_STATUS = "tollgate.cost.status";
/** boolean. `false` when no price is known for the model: such a call is unpriced, never free. */
export const ATTR_TOLLGATE_COST_KNOWN = "tollgate.cost.known";
/** string. Which price data said so: `genai-prices@…` or `house:<document>`. */
export const ATTR_TOLLGATE_COST_PRICE_VERSION = "tollgate.cost.price_version";
/** int, tokens. The part of the cache writes that lives an hour, where it has a price of its own. */
export const ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS = "tollgate.usage.cache_write_1h_tokens";
/** int, tokens. The part of the input that was sound. */
export const ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS = "tollgate.usage.input_audio_tokens";
/** int, tokens. The part of the cache reads that was sound. */
export const ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS = "tollgate.usage.cache_read_audio_tokens";
/** int, tokens. The part of the output that was sound. */
export const ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS = "tollgate.usage.output_audio_tokens";
/** int, tokens. The part of the input that was images, where they have a price of their own. */
export const ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS = "tollgate.usage.input_image_tokens";
/** int, tokens. The part of the output that was images. */
export const ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS = "tollgate.usage.output_image_tokens";
/** int, tokens. The part of the input that was film, where it has a price of its own. */
export const ATTR_TOLLGATE_USAGE_INPUT_VIDEO_TOKENS = "tollgate.usage.input_video_tokens";
/** int, tokens. The part of the output that was film. */
export const ATTR_TOLLGATE_USAGE_OUTPUT_VIDEO_TOKENS = "tollgate.usage.output_video_tokens";
/** int. Searches of the web that the provider made for the call, billed by the search. */
export const ATTR_TOLLGATE_USAGE_WEB_SEARCHES = "tollgate.usage.web_searches";
/** int. Searches of the provider's file store, billed by the search. */
export const ATTR_TOLLGATE_USAGE_FILE_SEARCHES = "tollgate.usage.file_searches";
/** string. How the call was served, where that changes its price: `batch`, `flex`, `priority`. */
export const ATTR_TOLLGATE_SERVICE_TIER = "tollgate.service_tier";
/** int, nano-dollars. What the processor's prices say of a call that the gate charged otherwise; `tollgate.cost.nano_usd` stays as enforced. */
export const ATTR_TOLLGATE_COST_REPRICED_NANO_USD = "tollgate.cost.repriced_nano_usd";
/** string. The price data behind `tollgate.cost.repriced_nano_usd`. */
export const ATTR_TOLLGATE_COST_REPRICED_VERSION = "tollgate.cost.repriced_version";
/** string, decimal USD. What the sender says the call cost; never believed over the price book. */
export const ATTR_TOLLGATE_COST_REPORTED_USD = "tollgate.cost.reported_usd";
/** boolean. The span's usage is that of model calls beneath it (an agent, a workflow, a second span of one call): never summed. */
export const ATTR_TOLLGATE_USAGE_AGGREGATE = "tollgate.usage.aggregate";
/** boolean. The sender named no provider; it was concluded from the model's name, so the cost is an estimate. */
export const ATTR_TOLLGATE_PROVIDER_INFERRED = "tollgate.provider.inferred";

// Decision
/** string. What the gate decided: one of `DecisionName`. */
export const ATTR_TOLLGATE_DECISION = "tollgate.decision";
/** string. The rule that decided: `deny: db_drop_*`, a rule's name, or `default`. */
export const ATTR_TOLLGATE_DECISION_RULE = "tollgate.decision.rule";
/** string. Why, in the user's words. */
export const ATTR_TOLLGATE_DECISION_REASON = "tollgate.decision.reason";
/** string. The policy that decided. */
export const ATTR_TOLLGATE_POLICY_NAME = "tollgate.policy.name";
/** string. Its version. */
export const ATTR_TOLLGATE_POLICY_VERSION = "tollgate.policy.version";
/** string, lower-case hex. SHA-256 of the arguments' canonical JSON (RFC 8785). */
export const ATTR_TOLLGATE_TOOL_ARGUMENTS_DIGEST = "tollgate.tool.arguments_digest";
/** string[]. Tools that the model's answer asks to run, in its order. */
export const ATTR_TOLLGATE_PROPOSED_TOOLS = "tollgate.proposed.tools";
/** string[]. The model's ids of those calls; "" where it gives none. */
export const ATTR_TOLLGATE_PROPOSED_CALL_IDS = "tollgate.proposed.call_ids";
/** string[]. Digests of those calls' arguments, as `tollgate.tool.arguments_digest`; "" for what is no JSON. */
export const ATTR_TOLLGATE_PROPOSED_ARGUMENTS_DIGESTS = "tollgate.proposed.arguments_digests";
/** string. On a tool: the span of the model's call whose answer asked for it. */
export const ATTR_TOLLGATE_TOOL_PROPOSED_BY = "tollgate.tool.proposed_by";
/** string, ISO 8601. No processor could be asked: the fleet's policies are those that were kept on disk then. */
export const ATTR_TOLLGATE_POLICY_CACHED_AT = "tollgate.policy.cached_at";
/** string. What the policies decided of an agent that only observes; else what the strictest one in shadow mode (`enforce: false`, or outside its `share`) would have. */
export const ATTR_TOLLGATE_SHADOW_DECISION = "tollgate.shadow.decision";
/** string. The rule by which it would have. */
export const ATTR_TOLLGATE_SHADOW_RULE = "tollgate.shadow.rule";
/** string. And why. */
export const ATTR_TOLLGATE_SHADOW_REASON = "tollgate.shadow.reason";
/** string. The name of that policy. */
export const ATTR_TOLLGATE_SHADOW_POLICY = "tollgate.shadow.policy";
/** string[]. In what the call goes further than its agent went before: rows, query, label, destination, system. */
export const ATTR_TOLLGATE_EXPANSION = "tollgate.expansion";
/** string[]. Where the arguments of a call that ran say that it goes: hosts, mail domains, channels, buckets; `(other)` for what is none of these, `(more)` behind 32. */
export const ATTR_TOLLGATE_TOOL_DESTINATIONS = "tollgate.tool.destinations";
/** int. Records that a call that ran was about: the most that its arguments ask for, or its result tells of. */
export const ATTR_TOLLGATE_TOOL_RECORDS = "tollgate.tool.records";
/** string, lower-case hex. SHA-256 of the description and schemas that an MCP server gives the tool. */
export const ATTR_TOLLGATE_TOOL_FINGERPRINT = "tollgate.tool.fingerprint";
/** boolean. Whether that is another one than at first, or than declared. */
export const ATTR_TOLLGATE_TOOL_CHANGED = "tollgate.tool.changed";
/** string. The highest data label in play: `public`, `internal`, `confidential`, `restricted`. */
export const ATTR_TOLLGATE_DATA_LABEL = "tollgate.data.label";
/** boolean. Some of the arguments or of the result was not searched for labels: too long, or nothing that can be looked into. Absent: all was. */
export const ATTR_TOLLGATE_DATA_UNSEARCHED = "tollgate.data.unsearched";
/** string. The request for approval that this call waited for. */
export const ATTR_TOLLGATE_APPROVAL_ID = "tollgate.approval.id";
/** string. Who approved it, or denied it, by authentication; the last one where several had to. */
export const ATTR_TOLLGATE_APPROVAL_BY = "tollgate.approval.by";
/** string. Nobody was asked: the bypass that was in force, as `tollgate changes` and `approvals` show it. */
export const ATTR_TOLLGATE_APPROVAL_BYPASS = "tollgate.approval.bypass";

// Budget and lease
/** string. The budget that decided, or the tightest one. */
export const ATTR_TOLLGATE_BUDGET_NAME = "tollgate.budget.name";
/** string, decimal USD. Its limit. */
export const ATTR_TOLLGATE_BUDGET_LIMIT_USD = "tollgate.budget.limit_usd";
/** string, decimal USD. What was left of it at the decision. */
export const ATTR_TOLLGATE_BUDGET_REMAINING_USD = "tollgate.budget.remaining_usd";
/** string. What a threshold did to this call: `notify`, `downgrade`, `require_approval`, `stop`, … */
export const ATTR_TOLLGATE_BUDGET_ACTION = "tollgate.budget.action";
/** double, percent. At which share of its limit, on the event of a crossed threshold. */
export const ATTR_TOLLGATE_BUDGET_AT_PERCENT = "tollgate.budget.at_percent";
/** string, decimal USD. What the call would have cost more with the model that was asked for. */
export const ATTR_TOLLGATE_BUDGET_SAVED_USD = "tollgate.budget.saved_usd";
/** string. The lease that paid; its spend reaches the ledger by settlement, so the meter does not add it again. */
export const ATTR_TOLLGATE_LEASE_ID = "tollgate.lease.id";
/** int, nano-dollars. The worst case that was reserved for the call. */
export const ATTR_TOLLGATE_RESERVED_NANO_USD = "tollgate.reserved.nano_usd";
/** int, tokens. The output bound that the gate set or lowered, so that the call fits its reservation. */
export const ATTR_TOLLGATE_BOUND_OUTPUT_TOKENS = "tollgate.bound.output_tokens";
/** int, tokens. The output bound that the app asked for, when the gate lowered it. */
export const ATTR_TOLLGATE_BOUND_REQUESTED_TOKENS = "tollgate.bound.requested_tokens";
/** string. The model that the app asked for, when a fallback was sent instead. */
export const ATTR_TOLLGATE_FALLBACK_FROM = "tollgate.fallback.from";
/** boolean. `true` where an attempt was given up before anything of it left, and cost nothing. */
export const ATTR_TOLLGATE_CALL_UNSENT = "tollgate.call.unsent";
/** string. Where a call was gated that no library gates: `fetch`, `http` or `undici`. */
export const ATTR_TOLLGATE_WIRE = "tollgate.wire";
/** string. A copy of a library that is loaded and not gated: `openai@7.55.0`. */
export const ATTR_TOLLGATE_PROBE_UNPATCHED = "tollgate.probe.unpatched";
/** string. Its file; absent for a copy that only its calls tell of. */
export const ATTR_TOLLGATE_PROBE_LOCATION = "tollgate.probe.location";
/** int. Requests to one destination since its last span, this one included. */
export const ATTR_TOLLGATE_EGRESS_REQUESTS = "tollgate.egress.requests";

// Who
/** string. The agent that pays and answers for the call. */
export const ATTR_TOLLGATE_AGENT_NAME = "tollgate.agent.name";
/** string. Who owns the agent. */
export const ATTR_TOLLGATE_AGENT_OWNER = "tollgate.agent.owner";
/** string. Its team. */
export const ATTR_TOLLGATE_AGENT_TEAM = "tollgate.agent.team";
/** string. Its role. */
export const ATTR_TOLLGATE_AGENT_ROLE = "tollgate.agent.role";
/** string. Its autonomy: `observe`, `suggest`, `supervised`, `autonomous`. */
export const ATTR_TOLLGATE_AGENT_AUTONOMY = "tollgate.agent.autonomy";
/** boolean. Whether the agent proved its name with a credential. */
export const ATTR_TOLLGATE_AGENT_VERIFIED = "tollgate.agent.verified";
/** string. The agent that started this one. */
export const ATTR_TOLLGATE_AGENT_PARENT = "tollgate.agent.parent";
/** string. The session (one run of an agent). */
export const ATTR_TOLLGATE_SESSION_ID = "tollgate.session.id";
/** string. The workflow, over all agents that take part. */
export const ATTR_TOLLGATE_WORKFLOW_ID = "tollgate.workflow.id";
/** string. Prefix of labels given by `withContext`: `tollgate.label.<key>`. */
export const ATTR_TOLLGATE_LABEL_PREFIX = "tollgate.label.";

// Proof and failure
/** string, lower-case hex. The hash chain that the record is a link of: one for each start of a process or thread. */
export const ATTR_TOLLGATE_AUDIT_CHAIN = "tollgate.audit.chain";
/** int. Place of the record in its process's hash chain, from 1. */
export const ATTR_TOLLGATE_AUDIT_SEQ = "tollgate.audit.seq";
/** string, lower-case hex. Hash of the record. */
export const ATTR_TOLLGATE_AUDIT_HASH = "tollgate.audit.hash";
/** string, lower-case hex. Hash of the record before it. */
export const ATTR_TOLLGATE_AUDIT_PREV = "tollgate.audit.prev";
/** string, lower-case hex. Salted hash of what may be redacted: session, workflow, user, labels. */
export const ATTR_TOLLGATE_AUDIT_SEAL = "tollgate.audit.seal";
/** string, lower-case hex. The salt of the seal; gone once a sealed value was redacted, so that nobody can guess it. */
export const ATTR_TOLLGATE_AUDIT_SALT = "tollgate.audit.salt";
/** int. Place of the call among the decisions of its process, in the order in which they were made. */
export const ATTR_TOLLGATE_AUDIT_DECISION = "tollgate.audit.decision";
/** boolean. The closing link: the process ended cleanly, and nothing comes after it. */
export const ATTR_TOLLGATE_AUDIT_CLOSED = "tollgate.audit.closed";
/** int. How many decisions the process had made when it ended. */
export const ATTR_TOLLGATE_AUDIT_DECISIONS = "tollgate.audit.decisions";
/** string. `open` or `closed`: what the gate did without the processor. */
export const ATTR_TOLLGATE_FAILURE_MODE = "tollgate.failure.mode";
/** string. Severity of the incident that the span belongs to. */
export const ATTR_TOLLGATE_INCIDENT_SEVERITY = "tollgate.incident.severity";

// What the processor took out
/** boolean. Content on this span was longer than its bound (TOLLGATE_CONTENT_BYTES_MAX), and cut. */
export const ATTR_TOLLGATE_CONTENT_CUT = "tollgate.content.cut";
/** boolean. The process ended before the span did: it was ended then. */
export const ATTR_TOLLGATE_SPAN_UNFINISHED = "tollgate.span.unfinished";
/** int. On a span of its own: so many spans of this process could neither be sent nor kept since the last such span. */
export const ATTR_TOLLGATE_DELIVERY_DROPPED_SPANS = "tollgate.delivery.dropped_spans";
/** int. Attributes with content (prompts, answers, tool arguments and results) that were dropped or hashed before storing. */
export const ATTR_TOLLGATE_CONTENT_DROPPED = "tollgate.content.dropped";
/** int. Values that were dropped, masked or hashed by a key, a detector or a pattern. */
export const ATTR_TOLLGATE_REDACTED = "tollgate.redacted";
/** string. The name that a span claimed and its sender's key is not bound to; the span counts for the key's own agent. */
export const ATTR_TOLLGATE_AGENT_CLAIMED = "tollgate.agent.claimed";
/** string. The tenant that a span claimed and its sender's key is not bound to; the span counts for the key's own tenant, or for none. */
export const ATTR_TOLLGATE_TENANT_CLAIMED = "tollgate.tenant.claimed";

/** Name of the span that is a closing link. */
export const AUDIT_CLOSE_SPAN = "audit close";

/** Values of `gen_ai.operation.name`. */
export const Operation = {
  chat: "chat",
  generateContent: "generate_content",
  textCompletion: "text_completion",
  embeddings: "embeddings",
  rerank: "rerank",
  createAgent: "create_agent",
  invokeAgent: "invoke_agent",
  executeTool: "execute_tool",
  invokeWorkflow: "invoke_workflow",
} as const;

/** Operations that call a model and so cost money; all other spans carry no cost of their own. */
export const INFERENCE_OPERATIONS: ReadonlySet<string> = new Set([
  Operation.chat,
  Operation.generateContent,
  Operation.textCompletion,
  Operation.embeddings,
  Operation.rerank,
]);

/** Values of `gen_ai.provider.name` that the gate writes. */
export const Provider = {
  openai: "openai",
  anthropic: "anthropic",
  azureOpenai: "azure.ai.openai",
  awsBedrock: "aws.bedrock",
  gcpVertexAi: "gcp.vertex_ai",
  gcpGemini: "gcp.gemini",
  groq: "groq",
  mistralAi: "mistral_ai",
  cohere: "cohere",
  ollama: "ollama",
} as const;

/** Values of `tollgate.cost.status`. `missing`: the answer had no usage, and none could be estimated. */
export const CostStatus = { exact: "exact", estimated: "estimated", unpriced: "unpriced", missing: "missing" } as const;
export type CostStatus = (typeof CostStatus)[keyof typeof CostStatus];

/** Values of `tollgate.decision`. */
export const DecisionName = {
  allow: "allow",
  deny: "deny",
  forbid: "forbid",
  requireApproval: "require_approval",
} as const;
export type DecisionName = (typeof DecisionName)[keyof typeof DecisionName];

export { FRAMEWORK_NAMES, LEGACY_ATTRIBUTES, LEGACY_PROVIDERS } from "./semconv-legacy.ts";
