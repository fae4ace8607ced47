/**
 * What every library is held to, and where: the shared suite (`suite.ts`) runs each case for each library, and what it leaves out for
 * one stands here, with the tests that hold it instead or the reason why there is nothing to hold.
 */

export const CASES = ["answer", "stream", "forms", "tools", "abort", "retry", "error", "budget", "kill"] as const;
export type Case = (typeof CASES)[number];

/** A test by its file in `test/` and the beginning of its title. */
export interface OtherTest {
  readonly file: string;
  readonly title: string;
}

/** A reason in words, or the tests that hold the case. */
export type Instead = string | readonly OtherTest[];
export type Instances = Readonly<Partial<Record<Case, Instead>>>;

const inTest = (file: string, title: string): OtherTest => ({ file: `integration/instrumentation/${file}`, title });

const ONE_FORM = "an app gets an answer and a stream of it, and nothing else";
const DIFFERENTIAL = [inTest("differential", "gives the app what the bare one gives")];
const CONVERSE = "the same client and commands as of Converse, which is held";
const NO_TOOLS = "the API has none";
const NO_STREAMS = "the API has no streams";
const SAME_CLASSES = "the same classes as of OpenAI, which are held";
const NEVER_AGAIN = "its client never tries again";
const NO_SIGNAL = "its calls take no signal; a stream that is left is held under `stream`";
const VERCEL_TOOLS = [
  inTest("vercel-ai-tools", "run behind the gate, named by the model's own call"),
  inTest("vercel-ai-tools", "that are denied do not run, and the model reads why"),
];
const LANGGRAPH_TOOLS = [
  inTest("langgraph", "runs an agent with its tools behind the gate"),
  inTest("langgraph", "denies a tool, and the model reads why"),
];
const AGENTS_TOOLS = [inTest("openai-agents", "decides a function tool: %s runs it %d times")];

/** Of libraries in the shared suite, by the name in their adapter. */
export const INSTEAD: Readonly<Record<string, Instances>> = {
  "openai chat completions": { forms: DIFFERENTIAL },
  "openai responses": { forms: DIFFERENTIAL },
  "openai chat completions of Azure": { forms: SAME_CLASSES },
  "openai responses of Azure": { forms: SAME_CLASSES },
  "openai completions": { tools: NO_TOOLS },
  "openai embeddings": { stream: NO_STREAMS, tools: NO_TOOLS },
  "openai embeddings of Azure": { stream: NO_STREAMS, tools: NO_TOOLS },
  "openai images": { tools: NO_TOOLS },
  "openai images of Azure": { forms: SAME_CLASSES, tools: NO_TOOLS },
  "openai transcriptions": { forms: ONE_FORM, tools: NO_TOOLS },
  "openai speech": { forms: ONE_FORM, tools: NO_TOOLS },
  "openai transcriptions of Azure": { forms: ONE_FORM, tools: NO_TOOLS },
  "openai speech of Azure": { forms: ONE_FORM, tools: NO_TOOLS },
  "@anthropic-ai/sdk batches": { stream: NO_STREAMS, tools: NO_TOOLS, forms: ONE_FORM },
  "@google/genai embeddings": { stream: NO_STREAMS, tools: NO_TOOLS },
  "@google/genai embeddings of Vertex AI": { stream: NO_STREAMS, tools: NO_TOOLS },
  "cohere-ai v1": { forms: "the same promises and streams as of v2, which is held" },
  "ollama chat": { abort: NO_SIGNAL, retry: NEVER_AGAIN },
  "ollama generate": {
    forms: "the same class of stream as of chat, which is held",
    abort: NO_SIGNAL,
    retry: NEVER_AGAIN,
    tools: NO_TOOLS,
  },
  "bedrock InvokeModel of a Claude": { forms: CONVERSE },
  "bedrock InvokeModel of a Nova": { forms: CONVERSE },
  "ai with openai.chat": { tools: VERCEL_TOOLS },
  "ai with openai.responses": { forms: "the same results as of chat completions, which are held", tools: VERCEL_TOOLS },
  "ai with anthropic": { forms: "the same results as of chat completions, which are held", tools: VERCEL_TOOLS },
  "@langchain/core with openai": { tools: LANGGRAPH_TOOLS },
  "@langchain/core with a model of one's own": {
    forms: "the same base class as of OpenAI's, which is held",
    tools: LANGGRAPH_TOOLS,
  },
  "@openai/agents with chat completions": { tools: AGENTS_TOOLS },
  "@openai/agents with responses": {
    forms: "the same runs as with chat completions, which are held",
    tools: AGENTS_TOOLS,
  },
  "@mastra/core": { tools: [inTest("mastra", "decides the tool of an agent: %s runs it %d times")] },
  "@llamaindex/openai": {
    tools: [inTest("llamaindex", "decides the tool of an agent: %s runs it %d times")],
    abort: [
      inTest("llamaindex", "has no signal to end a call by"),
      inTest("llamaindex", "charges no less than was billed for a stream that the session's own signal ends"),
    ],
  },
};

const ONE_STREAM = "a session is a stream, and all its tests read it as one";

/** Of what asks no provider by HTTP, by its folder. */
export const APART: Readonly<Record<string, Readonly<Record<Case, Instead>>>> = {
  "claude-agent": {
    forms: ONE_FORM,
    answer: [inTest("claude-agent", "gives the process what the budget has left, and charges what it reports")],
    stream: [inTest("claude-agent", "gives the app the messages that it gets without the gate")],
    tools: [inTest("claude-agent", "decides each tool of the process, beside the hooks of the app")],
    abort: [inTest("claude-agent", "ends with the app's own abort, and counts what it was given")],
    retry: "the executable's own, out of sight and in its report",
    error: [inTest("claude-agent", "counts what it was given where the process fails")],
    budget: [inTest("claude-agent", "keeps 64 queries within a budget that ends in the middle")],
    kill: [inTest("claude-agent", "ends the process by a kill, and counts what it was given")],
  },
  mcp: {
    forms: ONE_FORM,
    answer: [inTest("mcp", "gives what the bare SDK gives where every tool is allowed")],
    stream: "a call of a tool has one answer",
    tools: [
      inTest("mcp", "sends what the policy allows and nothing else"),
      inTest("mcp-server", "runs what the policy allows, and answers with an error that says why"),
    ],
    abort: [inTest("mcp-server", "gives up what the app aborts, as the bare SDK does")],
    retry: NEVER_AGAIN,
    error: [inTest("mcp", "sends what the policy allows and nothing else")],
    budget: [inTest("mcp-server", "decides each of 64 calls side by side once")],
    kill: [inTest("mcp-server", "sends nothing for an agent that was killed")],
  },
  realtime: {
    forms: [inTest("realtime-websocket", "looks like the bare class, and lets every other socket be")],
    answer: [inTest("realtime", "charges a response that the app asks for by what the provider counted")],
    stream: ONE_STREAM,
    tools: [inTest("realtime-functions", "names the functions that a response calls, whole or while it goes on")],
    abort: [inTest("realtime", "counts a response that the connection cut off as what was reserved for it")],
    retry: "a socket that is lost is not opened again by itself",
    error: [inTest("realtime", "gives the money back that the provider did not want")],
    budget: [inTest("realtime", "sends neither the question nor the sound that no money is left for")],
    kill: [inTest("realtime", "cancels what is being said when the agent is killed")],
  },
};
