/** A file of a known package that defines its client class, in either module system. */
export interface SdkFile {
  readonly name: string;
  readonly pattern: RegExp;
  /** The class whose prototype owns the machinery, by its name in the file and among its exports; `default`: all that a CommonJS file exports. */
  readonly className: string;
  /** Only files with this in their text are meant: of a package whose files are named anew in each version. */
  readonly contains?: RegExp;
  /** Functions or classes of the file itself that are replaced, in place of a class; where they are missing, so be it. */
  readonly functions?: readonly string[];
  /** Of a minified ES module: exported functions that are replaced, by their names outside. */
  readonly exported?: readonly string[];
  /** Its name inside the file's ES module, where a bundler has given it another. */
  readonly localName?: string;
  /** What `require.resolve` finds; the package's name where that is enough. */
  readonly entry: string;
  /** Both twins, seen from there. */
  readonly files: readonly string[];
}

const CLIENT_FILES = ["client.mjs", "client.js"];

/** Without imports: the loader thread reads it too. */
export const SDK_FILES: readonly SdkFile[] = [
  {
    name: "openai",
    pattern: /[/\\]node_modules[/\\]openai[/\\]client\.m?js$/,
    className: "OpenAI",
    entry: "openai",
    files: CLIENT_FILES,
  },
  {
    name: "@anthropic-ai/sdk",
    pattern: /[/\\]node_modules[/\\]@anthropic-ai[/\\]sdk[/\\]client\.m?js$/,
    className: "BaseAnthropic",
    entry: "@anthropic-ai/sdk",
    files: CLIENT_FILES,
  },
  {
    name: "@google/genai",
    pattern: /[/\\]node_modules[/\\]@google[/\\]genai[/\\]dist[/\\]node[/\\]index\.[cm]js$/,
    className: "Models",
    entry: "@google/genai",
    files: ["index.mjs", "index.cjs"],
  },
  {
    name: "@modelcontextprotocol/sdk",
    pattern:
      /[/\\]node_modules[/\\]@modelcontextprotocol[/\\]sdk[/\\]dist[/\\](?:esm|cjs)[/\\]shared[/\\]protocol\.js$/,
    className: "Protocol",
    entry: "@modelcontextprotocol/sdk/shared/protocol.js",
    files: ["protocol.js", "../../esm/shared/protocol.js"],
  },
  {
    name: "@modelcontextprotocol/client",
    pattern: /[/\\]node_modules[/\\]@modelcontextprotocol[/\\]client[/\\]dist[/\\][\w-]+\.[cm]js$/,
    contains: /^(?:var|class) Client\b.*\bextends\b/m,
    className: "Client",
    entry: "@modelcontextprotocol/client",
    files: ["index.cjs", "index.mjs"],
  },
  {
    name: "@modelcontextprotocol/server",
    pattern: /[/\\]node_modules[/\\]@modelcontextprotocol[/\\]server[/\\]dist[/\\][\w-]+\.[cm]js$/,
    contains: /^(?:var|class) Server\b.*\bextends\b/m,
    className: "Server",
    entry: "@modelcontextprotocol/server",
    files: ["index.cjs", "index.mjs"],
  },
  {
    name: "@langchain/core",
    pattern: /[/\\]node_modules[/\\]@langchain[/\\]core[/\\]dist[/\\]language_models[/\\]chat_models\.c?js$/,
    className: "BaseChatModel",
    entry: "@langchain/core/language_models/chat_models",
    files: ["chat_models.cjs", "chat_models.js"],
  },
  {
    name: "@langchain/core/caller",
    pattern: /[/\\]node_modules[/\\]@langchain[/\\]core[/\\]dist[/\\]utils[/\\]async_caller\.c?js$/,
    className: "AsyncCaller",
    entry: "@langchain/core/utils/async_caller",
    files: ["async_caller.cjs", "async_caller.js"],
  },
  {
    name: "@langchain/core/tools",
    pattern: /[/\\]node_modules[/\\]@langchain[/\\]core[/\\]dist[/\\]tools[/\\]index\.c?js$/,
    className: "StructuredTool",
    entry: "@langchain/core/tools",
    files: ["index.cjs", "index.js"],
  },
  {
    name: "@openai/agents-core",
    pattern: /[/\\]node_modules[/\\]@openai[/\\]agents-core[/\\]dist[/\\]runner[/\\]modelPreparation\.m?js$/,
    className: "",
    functions: ["prepareAgentArtifacts"],
    entry: "@openai/agents-core",
    files: ["runner/modelPreparation.js", "runner/modelPreparation.mjs"],
  },
  {
    name: "@openai/agents-core",
    pattern: /[/\\]node_modules[/\\]@openai[/\\]agents-core[/\\]dist[/\\]runner[/\\]modelRetry\.m?js$/,
    className: "",
    functions: ["getResponseWithRetry", "getStreamedResponseWithRetry"],
    entry: "@openai/agents-core",
    files: ["runner/modelRetry.js", "runner/modelRetry.mjs"],
  },
  {
    name: "@openai/agents-core",
    pattern: /[/\\]node_modules[/\\]@openai[/\\]agents-core[/\\]dist[/\\]tool\.m?js$/,
    className: "",
    functions: ["invokeFunctionTool"],
    entry: "@openai/agents-core",
    files: ["tool.js", "tool.mjs"],
  },
  {
    name: "@anthropic-ai/claude-agent-sdk",
    pattern: /[/\\]node_modules[/\\]@anthropic-ai[/\\]claude-agent-sdk[/\\](?:sdk|core)\.mjs$/,
    className: "",
    functions: [],
    exported: ["query", "startup", "prewarm"],
    entry: "@anthropic-ai/claude-agent-sdk",
    files: ["sdk.mjs"],
  },
  {
    name: "ai",
    pattern: /[/\\]node_modules[/\\]ai[/\\]dist[/\\]index\.m?js$/,
    className: "",
    functions: [
      "resolveLanguageModel",
      "resolveEmbeddingModel",
      "wrapLanguageModel",
      "wrapEmbeddingModel",
      "executeToolCall",
      "executeTools",
      "runToolsTransformation",
    ],
    entry: "ai",
    files: ["index.js", "index.mjs"],
  },
  {
    name: "undici",
    pattern: /[/\\]node_modules[/\\]undici[/\\]lib[/\\](?:dispatcher[/\\])?dispatcher-base\.js$/,
    className: "default",
    entry: "undici",
    files: ["lib/dispatcher/dispatcher-base.js"],
  },
  {
    name: "@llamaindex/core",
    pattern: /[/\\]node_modules[/\\]@llamaindex[/\\]core[/\\](?:agent|llms)[/\\]dist[/\\]index\.c?js$/,
    className: "",
    functions: ["callTool"],
    entry: "@llamaindex/core/agent",
    files: ["index.cjs", "index.js"],
  },
  {
    name: "@mastra/core",
    pattern: /[/\\]node_modules[/\\]@mastra[/\\]core[/\\]dist[/\\][\w-]+\.c?js$/,
    contains: /^(?:var|let|const|class) (?:CoreToolBuilder|Agent|Tool|AISDKV[567]LanguageModel)\b/m,
    className: "",
    functions: [
      "CoreToolBuilder",
      "Agent",
      "Tool",
      "AISDKV5LanguageModel",
      "AISDKV6LanguageModel",
      "AISDKV7LanguageModel",
    ],
    entry: "@mastra/core/agent",
    files: ["index.cjs", "index.js"],
  },
  {
    name: "ws",
    pattern: /[/\\]node_modules[/\\]ws[/\\]lib[/\\]websocket\.js$/,
    className: "",
    functions: ["initAsClient"],
    entry: "ws",
    files: ["lib/websocket.js"],
  },
  {
    name: "@anthropic-ai/sdk/tools",
    pattern: /[/\\]node_modules[/\\]@anthropic-ai[/\\]sdk[/\\]lib[/\\]tools[/\\]BetaRunnableTool\.m?js$/,
    className: "",
    functions: ["runRunnableTool"],
    entry: "@anthropic-ai/sdk",
    files: ["lib/tools/BetaRunnableTool.mjs", "lib/tools/BetaRunnableTool.js"],
  },
  {
    name: "openai/tools",
    pattern: /[/\\]node_modules[/\\]openai[/\\]lib[/\\]AbstractChatCompletionRunner\.m?js$/,
    className: "AbstractChatCompletionRunner",
    entry: "openai",
    files: ["lib/AbstractChatCompletionRunner.mjs", "lib/AbstractChatCompletionRunner.js"],
  },
  {
    name: "groq-sdk",
    pattern: /[/\\]node_modules[/\\]groq-sdk[/\\]client\.m?js$/,
    className: "Groq",
    entry: "groq-sdk",
    files: CLIENT_FILES,
  },
  {
    name: "@mistralai/mistralai",
    pattern: /[/\\]node_modules[/\\]@mistralai[/\\]mistralai[/\\](?:esm[/\\])?lib[/\\]sdks\.js$/,
    className: "ClientSDK",
    entry: "@mistralai/mistralai",
    files: ["lib/sdks.js"],
  },
  {
    name: "@mistralai/mistralai",
    pattern: /[/\\]node_modules[/\\]@mistralai[/\\]mistralai[/\\](?:esm[/\\])?lib[/\\]http\.js$/,
    className: "HTTPClient",
    entry: "@mistralai/mistralai",
    files: ["lib/http.js"],
  },
  {
    name: "cohere-ai",
    pattern: /[/\\]node_modules[/\\]cohere-ai[/\\]Client\.js$/,
    className: "CohereClient",
    entry: "cohere-ai",
    files: ["Client.js"],
  },
  {
    name: "cohere-ai",
    pattern: /[/\\]node_modules[/\\]cohere-ai[/\\]api[/\\]resources[/\\]v2[/\\]client[/\\]Client\.js$/,
    className: "V2Client",
    entry: "cohere-ai",
    files: ["api/resources/v2/client/Client.js"],
  },
  {
    name: "ollama",
    pattern: /[/\\]node_modules[/\\]ollama[/\\]dist[/\\]browser\.[cm]js$/,
    className: "Ollama",
    localName: "Ollama$1",
    entry: "ollama",
    files: ["browser.mjs", "browser.cjs"],
  },
  {
    name: "@aws-sdk/client-bedrock-runtime",
    pattern:
      /[/\\]node_modules[/\\]@aws-sdk[/\\]client-bedrock-runtime[/\\]dist-(?:cjs[/\\]index|es[/\\]BedrockRuntimeClient)\.js$/,
    className: "BedrockRuntimeClient",
    entry: "@aws-sdk/client-bedrock-runtime",
    files: ["index.js"],
  },
];

/** The class among what a CommonJS file exports. */
export function exportedClass({ className }: SdkFile, exports: Readonly<Record<string, unknown>>): unknown {
  return className === "default" ? exports : exports[className];
}

/** `undefined` for every file that is not ours to touch. `location` is a path or a URL. */
export function findSdkFile(location: string): SdkFile | undefined {
  return SDK_FILES.find(({ pattern }) => pattern.test(location));
}
