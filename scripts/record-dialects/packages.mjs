/** Which packages make the spans of each dialect, by exact version. They are no dependencies of the repository. */
const OPENTELEMETRY = {
  "@opentelemetry/api": "1.9.0",
  "@opentelemetry/exporter-trace-otlp-http": "0.205.0",
  "@opentelemetry/resources": "2.1.0",
  "@opentelemetry/sdk-trace-node": "2.1.0",
};
const OPENAI = { openai: "6.49.0" };
const ANTHROPIC = { "@anthropic-ai/sdk": "1.11.0" };
const VERCEL_7 = {
  "@ai-sdk/anthropic": "4.0.105",
  "@ai-sdk/openai": "4.0.118",
  "@ai-sdk/otel": "1.0.173",
  ai: "7.0.173",
  zod: "4.6.7",
};

/** Those of Python's registry. Their scenarios are run by Python. */
const PYTHON = {
  anthropic: "2.12.0",
  openai: "3.54.0",
  "opentelemetry-exporter-otlp-proto-http": "1.45.2",
};

export const PYTHON_SCENARIOS = {
  mlflow: { ...PYTHON, "mlflow-tracing": "3.17.2" },
  "openllmetry-python": {
    ...PYTHON,
    "opentelemetry-instrumentation-anthropic": "0.62.4",
    "opentelemetry-instrumentation-openai": "0.62.4",
  },
  "openinference-python": {
    ...PYTHON,
    "openinference-instrumentation-anthropic": "3.1.0",
    "openinference-instrumentation-openai": "0.1.66",
  },
  // The next ones want versions of their parts that fit together by no rule of theirs; older SDKs where they know no newer.
  "otel-openai-python": {
    httpx: "0.28.1",
    openai: "2.54.0",
    "opentelemetry-exporter-otlp-proto-http": "1.35.0",
    "opentelemetry-instrumentation-openai-v2": "2.1b0",
    "opentelemetry-sdk": "1.35.0",
  },
  "otel-openai-python-2-4": {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    httpx: "0.28.1",
    "opentelemetry-instrumentation-openai-v2": "2.4b0",
    "opentelemetry-util-genai": "0.4b0",
    "opentelemetry-sdk": "1.45.2",
    openai: PYTHON.openai,
  },
  "openinference-langchain-python": {
    ...PYTHON,
    // A version without spans of its own.
    anthropic: "0.125.0",
    "langchain-anthropic": "1.7.7",
    "langchain-openai": "1.7.3",
    "openinference-instrumentation-langchain": "0.1.80",
  },
  "openllmetry-langchain-python": {
    ...PYTHON,
    // A version without spans of its own.
    anthropic: "0.125.0",
    langchain: "1.4.7",
    "langchain-anthropic": "1.7.7",
    "langchain-openai": "1.7.3",
    "opentelemetry-instrumentation-langchain": "0.62.4",
  },
  "llamaindex-python": {
    ...PYTHON,
    // A version without spans of its own.
    anthropic: "0.125.0",
    openai: "2.54.0",
    "llama-index-core": "0.14.25",
    "llama-index-llms-anthropic": "0.12.3",
    "llama-index-llms-openai": "0.8.3",
    "openinference-instrumentation-llama-index": "4.6.1",
  },
  smolagents: {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "openinference-instrumentation-smolagents": "0.1.43",
    "smolagents[openai]": "1.26.0",
    openai: PYTHON.openai,
  },
  dspy: {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "openinference-instrumentation-dspy": "0.1.48",
    dspy: "3.4.1",
    litellm: "1.106.2",
    openai: "2.54.0",
  },
  haystack: {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "haystack-ai": "3.4.0",
    "openinference-instrumentation-haystack": "0.1.46",
    openai: PYTHON.openai,
  },
  "otel-bedrock-python": {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "opentelemetry-instrumentation-botocore": "0.66b2",
    boto3: "1.44.5",
  },
  "openllmetry-bedrock-python": {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "opentelemetry-instrumentation-bedrock": "0.62.4",
    boto3: "1.44.5",
  },
  "openinference-bedrock-python": {
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "openinference-instrumentation-bedrock": "0.1.61",
    boto3: "1.44.5",
  },
  "google-genai-python": {
    "google-genai": "2.34.0",
    "opentelemetry-exporter-otlp-proto-http": "1.45.2",
    "opentelemetry-instrumentation-google-genai": "1.3b0",
  },
  "google-adk": { "google-adk": "2.13.0", "opentelemetry-exporter-otlp-proto-http": "1.44.0" },
  "google-adk-1": { "google-adk": "1.39.1", "opentelemetry-exporter-otlp-proto-http": "1.41.1" },
  "google-adk-1-14": { "google-adk": "1.14.1", "opentelemetry-exporter-otlp-proto-http": "1.45.2" },
  "openai-agents-python": {
    openai: PYTHON.openai,
    "openai-agents": "0.24.0",
    "openinference-instrumentation-openai-agents": "2.6.0",
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
  },
  "openlit-python": {
    anthropic: "0.125.0",
    openai: "2.54.0",
    openlit: "1.45.0",
    "opentelemetry-exporter-otlp-proto-http": "1.45.1",
  },
  strands: {
    "opentelemetry-exporter-otlp-proto-http": "1.45.1",
    "strands-agents[openai,anthropic,otel]": "1.62.0",
  },
  "semantic-kernel": {
    openai: PYTHON.openai,
    "opentelemetry-exporter-otlp-proto-http": PYTHON["opentelemetry-exporter-otlp-proto-http"],
    "semantic-kernel": "1.45.0",
  },
  agno: { ...PYTHON, agno: "3.1.10", "openinference-instrumentation-agno": "1.0.15" },
  autogen: { ...PYTHON, "autogen-agentchat": "0.7.5", "autogen-ext[openai]": "0.7.5" },
  litellm: { "litellm[proxy]": "1.105.2", "opentelemetry-exporter-otlp-proto-http": "1.39.1" },
  "pydantic-ai": { "opentelemetry-exporter-otlp-proto-http": "1.45.2", "pydantic-ai-slim[openai,anthropic]": "2.68.0" },
};

/** Scenario → packages. */
export const SCENARIOS = {
  "otel-openai": {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@opentelemetry/api": "1.10.0",
    "@opentelemetry/instrumentation-openai": "0.22.0",
  },
  // Patches openai 4 only, which has no responses.
  "elastic-openai": { ...OPENTELEMETRY, openai: "4.104.0", "@elastic/opentelemetry-instrumentation-openai": "0.5.1" },
  "anthropic-sdk": { ...OPENTELEMETRY, ...ANTHROPIC },
  // Its Anthropic part breaks on 1.11.0 (no `Anthropic.Completions`); 0.80.0 is what it is developed with.
  openllmetry: {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@anthropic-ai/sdk": "0.80.0",
    "@opentelemetry/exporter-trace-otlp-proto": "0.203.0",
    "@traceloop/instrumentation-anthropic": "0.27.0",
    "@traceloop/instrumentation-openai": "0.27.0",
    "@traceloop/node-server-sdk": "0.27.0",
  },
  // The last that says `llm.*`, with the SDKs of its time.
  "openllmetry-old": {
    "@opentelemetry/api": "1.9.0",
    "@opentelemetry/exporter-trace-otlp-http": "0.53.0",
    "@anthropic-ai/sdk": "0.27.1",
    "@traceloop/node-server-sdk": "0.11.5",
    openai: "4.57.0",
  },
  openinference: {
    ...OPENTELEMETRY,
    ...OPENAI,
    ...ANTHROPIC,
    "@arizeai/openinference-core": "2.7.1",
    "@arizeai/openinference-instrumentation-anthropic": "0.2.8",
    "@arizeai/openinference-instrumentation-openai": "4.2.7",
  },
  "langchain-openinference": {
    ...OPENTELEMETRY,
    "@arizeai/openinference-instrumentation-langchain": "4.1.1",
    "@langchain/core": "1.2.13",
    "@langchain/openai": "1.6.0",
    zod: "4.6.7",
  },
  // The last that shares its `openai` with what instruments it.
  "langchain-otel": {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@opentelemetry/api": "1.10.0",
    "@arizeai/openinference-instrumentation-langchain": "4.1.1",
    "@langchain/core": "1.2.13",
    "@langchain/openai": "1.5.8",
    "@opentelemetry/instrumentation-openai": "0.22.0",
    zod: "4.6.7",
  },
  // What it makes of LangChain names no answer.
  "langchain-openllmetry": {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@opentelemetry/api": "1.10.0",
    "@langchain/core": "1.2.13",
    "@langchain/openai": "1.5.8",
    "@opentelemetry/instrumentation-openai": "0.22.0",
    "@traceloop/instrumentation-langchain": "0.27.0",
    zod: "4.6.7",
  },
  "langchain-openllmetry-both": {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@opentelemetry/api": "1.10.0",
    "@langchain/core": "1.2.13",
    "@langchain/openai": "1.5.8",
    "@traceloop/instrumentation-langchain": "0.27.0",
    "@traceloop/instrumentation-openai": "0.27.0",
    zod: "4.6.7",
  },
  "otel-bedrock": {
    ...OPENTELEMETRY,
    "@aws-sdk/client-bedrock-runtime": "3.1163.0",
    "@opentelemetry/api": "1.10.0",
    "@opentelemetry/instrumentation-aws-sdk": "0.79.0",
    "@smithy/node-http-handler": "4.14.2",
  },
  "openinference-bedrock": {
    ...OPENTELEMETRY,
    "@arizeai/openinference-instrumentation-bedrock": "0.5.1",
    "@aws-sdk/client-bedrock-runtime": "3.1163.0",
    "@smithy/node-http-handler": "4.14.2",
  },
  "langfuse-langchain": {
    ...OPENTELEMETRY,
    "@langchain/core": "1.2.13",
    "@langchain/openai": "1.6.0",
    "@langfuse/langchain": "5.11.1",
    "@langfuse/otel": "5.11.1",
    "@langfuse/tracing": "5.11.1",
    zod: "4.6.7",
  },
  "vercel-4": {
    ...OPENTELEMETRY,
    "@ai-sdk/anthropic": "1.2.12",
    "@ai-sdk/openai": "1.3.24",
    ai: "4.3.19",
    zod: "3.25.76",
  },
  "vercel-5": {
    ...OPENTELEMETRY,
    "@ai-sdk/anthropic": "2.0.112",
    "@ai-sdk/openai": "2.0.130",
    ai: "5.0.277",
    zod: "4.6.7",
  },
  "vercel-6": {
    ...OPENTELEMETRY,
    "@ai-sdk/anthropic": "3.0.137",
    "@ai-sdk/openai": "3.0.141",
    ai: "6.0.322",
    zod: "4.6.7",
  },
  "vercel-7": { ...OPENTELEMETRY, ...VERCEL_7 },
  "vercel-7-legacy": { ...OPENTELEMETRY, ...VERCEL_7 },
  mastra: {
    "@ai-sdk/anthropic": "3.0.137",
    "@ai-sdk/openai": "3.0.141",
    "@mastra/core": "1.71.0",
    "@mastra/observability": "1.17.9",
    "@mastra/otel-exporter": "1.4.0",
    "@opentelemetry/exporter-trace-otlp-http": "0.218.0",
    zod: "4.6.7",
  },
  langfuse: {
    ...OPENTELEMETRY,
    ...OPENAI,
    ...ANTHROPIC,
    "@langfuse/openai": "5.11.1",
    "@langfuse/otel": "5.11.1",
    "@langfuse/tracing": "5.11.1",
  },
  langsmith: {
    ...OPENTELEMETRY,
    ...OPENAI,
    "@opentelemetry/exporter-trace-otlp-proto": "0.205.0",
    "@opentelemetry/sdk-trace-base": "2.1.0",
    langsmith: "0.12.0",
  },
  openlit: { ...OPENAI, ...ANTHROPIC, openlit: "1.15.0" },
};
