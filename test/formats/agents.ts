/** Agents in each format that a program can have: the files, and how Node is started. Each makes one call that its budget refuses. */
import { build } from "esbuild";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** How a library is called, in words that both module systems share. */
export interface Library {
  readonly name: string;
  /** What is imported of it. @default its name */
  readonly entry?: string;
  /** The class or function, by its default export or by name. */
  readonly binding: string;
  readonly isDefault: boolean;
  /** What else the call needs, in both module systems. */
  readonly also?: readonly { readonly from: string; readonly binding: string }[];
  /** An expression that makes one call. */
  readonly call: string;
  /** The code of the error that the call has to end with. @default "budget_exceeded" */
  readonly refusal?: string;
  /** What the gate's log calls it. @default its name */
  readonly gatedAs?: string;
  /** The oldest version that was seen to be held. */
  readonly oldest: string;
  /** What is installed beside it for a version of its own. */
  readonly peers?: readonly string[];
}

const URL_OF = "process.env.PROVIDER_URL";
const MESSAGES = 'messages: [{ role: "user", content: "hi" }]';

export const LIBRARIES: readonly Library[] = [
  {
    name: "openai",
    oldest: "5.0.0",
    binding: "OpenAI",
    isDefault: true,
    call: `new OpenAI({ apiKey: "x", baseURL: ${URL_OF} + "/v1", maxRetries: 0 }).chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, ${MESSAGES} })`,
  },
  {
    name: "@anthropic-ai/sdk",
    oldest: "0.60.0",
    binding: "Anthropic",
    isDefault: true,
    call: `new Anthropic({ apiKey: "x", baseURL: ${URL_OF}, maxRetries: 0 }).messages.create({ model: "claude-sonnet-4-5", max_tokens: 50, ${MESSAGES} })`,
  },
  {
    name: "@google/genai",
    oldest: "2.0.0",
    binding: "GoogleGenAI",
    isDefault: false,
    call: `new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: ${URL_OF} } }).models.generateContent({ model: "gemini-2.5-flash", contents: "hi" })`,
  },
  {
    name: "groq-sdk",
    oldest: "1.1.1",
    binding: "Groq",
    isDefault: true,
    call: `new Groq({ apiKey: "x", baseURL: ${URL_OF}, maxRetries: 0 }).chat.completions.create({ model: "llama-3.3-70b-versatile", max_tokens: 50, ${MESSAGES} })`,
  },
  {
    name: "@mistralai/mistralai",
    oldest: "1.10.0",
    binding: "Mistral",
    isDefault: false,
    call: `new Mistral({ apiKey: "x", serverURL: ${URL_OF} }).chat.complete({ model: "mistral-small-latest", maxTokens: 50, ${MESSAGES} })`,
  },
  {
    name: "cohere-ai",
    oldest: "7.21.0",
    binding: "CohereClient",
    isDefault: false,
    call: `new CohereClient({ token: "x", environment: ${URL_OF} }).chat({ model: "command-a-03-2025", maxTokens: 50, message: "hi" })`,
  },
  {
    name: "ollama",
    oldest: "0.6.0",
    binding: "Ollama",
    isDefault: false,
    // Nobody knows what a local model costs.
    refusal: "unpriced_model",
    call: `new Ollama({ host: ${URL_OF} }).chat({ model: "llama3.2", ${MESSAGES} })`,
  },
  {
    name: "@aws-sdk/client-bedrock-runtime",
    oldest: "3.907.0",
    binding: "BedrockRuntimeClient, ConverseCommand",
    isDefault: false,
    call: `new BedrockRuntimeClient({ region: "us-east-1", endpoint: ${URL_OF}, credentials: { accessKeyId: "a", secretAccessKey: "s" } }).send(new ConverseCommand({ modelId: "amazon.nova-lite-v1:0", messages: [{ role: "user", content: [{ text: "hi" }] }] }))`,
  },
  {
    name: "ai",
    oldest: "6.0.0",
    binding: "generateText",
    isDefault: false,
    peers: ["zod"],
    call: `(globalThis.AI_SDK_LOG_WARNINGS = false, generateText)({ model: { specificationVersion: "v2", provider: "openai.chat", modelId: "gpt-4o-mini", supportedUrls: {}, doGenerate: async () => { await fetch(${URL_OF}); } }, prompt: "hi", maxRetries: 0 })`,
  },
  {
    name: "@langchain/core",
    oldest: "0.3.0",
    entry: "@langchain/core/tools",
    gatedAs: "@langchain/core/tools",
    binding: "tool",
    isDefault: false,
    refusal: "tool_denied",
    call: `tool(() => fetch(${URL_OF}), { name: "drop", description: "drops", schema: { type: "object", properties: {} } }).invoke({})`,
  },
  {
    name: "@openai/agents",
    oldest: "0.8.0",
    binding: "Agent, run, setDefaultOpenAIClient",
    isDefault: false,
    also: [{ from: "openai", binding: "OpenAI" }],
    peers: ["openai", "zod"],
    gatedAs: "@openai/agents-core",
    call: `(setDefaultOpenAIClient(new OpenAI({ apiKey: "x", baseURL: ${URL_OF} + "/v1", maxRetries: 0 })), run(new Agent({ name: "a", model: "gpt-4o-mini" }), "hi"))`,
  },
  {
    name: "@anthropic-ai/claude-agent-sdk",
    oldest: "0.3.330",
    binding: "query",
    isDefault: false,
    peers: ["zod"],
    call: `(async () => { for await (const message of query({ prompt: "hi" })) console.log(message.type); })()`,
  },
  {
    name: "@mastra/core",
    oldest: "1.0.4",
    entry: "@mastra/core/tools",
    binding: "createTool",
    isDefault: false,
    refusal: "tool_denied",
    peers: ["zod"],
    call: `createTool({ id: "drop", description: "drops", execute: () => fetch(${URL_OF}) }).execute({})`,
  },
  {
    name: "@llamaindex/core",
    oldest: "0.6.0",
    entry: "@llamaindex/core/agent",
    binding: "callTool",
    isDefault: false,
    refusal: "tool_denied",
    // The refusal is the tool's result.
    call: `callTool({ metadata: { name: "drop" }, call: () => fetch(${URL_OF}) }, { id: "1", name: "drop", input: {} }, { log() {}, error() {}, warn() {} }).then(({ output }) => Promise.reject({ code: /denied/.test(String(output)) ? "tool_denied" : output }))`,
  },
  {
    name: "@modelcontextprotocol/sdk",
    oldest: "1.10.0",
    entry: "@modelcontextprotocol/sdk/client/index.js",
    binding: "Client",
    isDefault: false,
    refusal: "tool_denied",
    call: `new Client({ name: "a", version: "1" }).callTool({ name: "drop", arguments: {} })`,
  },
  {
    name: "@modelcontextprotocol/client",
    oldest: "2.0.0",
    binding: "Client",
    isDefault: false,
    refusal: "tool_denied",
    call: `new Client({ name: "a", version: "1" }).callTool({ name: "drop", arguments: {} })`,
  },
];

/** What Node is started with; `undefined`: this format needs a newer one. */
export interface Started {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Format {
  readonly name: string;
  /** Who gates the call here: the library's own patch, or only the wire; `held`: a guarded client. */
  readonly expected: "library" | "wire" | "held";
  prepare(folder: string, library: Library): Promise<Started> | Started;
}

const ROOT = join(import.meta.dirname, "..", "..");
const PACKAGE = join(ROOT, "instrumentation", "dist");
export const INDEX = join(PACKAGE, "index.js");

/** A folder for agents that find this repository's libraries; Node strips no types below `node_modules`. */
export function agentFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-formats-"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

export const REGISTER = pathToFileURL(join(PACKAGE, "register.js")).href;
export const PRELOAD = ["--import", REGISTER];

const esm = ({ name, binding, isDefault, also = [], entry = name }: Library): string =>
  [`import ${isDefault ? binding : `{ ${binding} }`} from "${entry}";\n`]
    .concat(also.map((other) => `import { ${other.binding} } from "${other.from}";\n`))
    .join("");
const cjs = ({ name, binding, also = [], entry = name }: Library): string =>
  [{ from: entry, binding }, ...also].map((one) => `const { ${one.binding} } = require("${one.from}");\n`).join("");
const run = ({ call }: Library, tell = "console.log"): string =>
  `${call}.then(() => ${tell}("answered"), (error) => ${tell}(error.code ?? error.cause?.code ?? String(error)));\n`;

/** A program that makes the library's call; `before` is run ahead of it. */
export function esmSource(library: Library, before = ""): string {
  return `${esm(library)}import process from "node:process";\n${before}${run(library)}`;
}

export function commonJsSource(library: Library): string {
  return cjs(library) + run(library);
}

export function write(folder: string, name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
}

async function bundle(file: string, format: "esm" | "cjs", external: readonly string[]): Promise<string> {
  const outfile = file.replace(/\.\w+$/, `.bundle.${format === "esm" ? "mjs" : "cjs"}`);
  await build({
    entryPoints: [file],
    bundle: true,
    platform: "node",
    format,
    // What is CommonJS in there asks for Node's own modules.
    ...(format === "esm" && {
      banner: {
        js: 'import { createRequire as toRequire } from "node:module"; const require = toRequire(import.meta.url);',
      },
    }),
    external: [...external],
    outfile,
    logLevel: "error",
  });
  return outfile;
}

export const ESM: Format = {
  name: "ESM",
  expected: "library",
  prepare: (folder, library) => ({ args: [...PRELOAD, write(folder, "agent.mjs", esm(library) + run(library))] }),
};

export const COMMON_JS: Format = {
  name: "CommonJS",
  expected: "library",
  prepare: (folder, library) => ({ args: [...PRELOAD, write(folder, "agent.cjs", cjs(library) + run(library))] }),
};

export const IN_APP: Format = {
  name: "`registerTollgate()` in the app, after the library",
  expected: "library",
  prepare(folder, library) {
    const register = 'import { registerTollgate } from "@tollgate/instrumentation";\n';
    const source = `${esm(library)}${register}await registerTollgate().ready;\n${run(library)}`;
    return { args: [write(folder, "in-app.mjs", source)] };
  },
};

const TYPED = 'const typed: string = "typed"; void typed;\n';

export const FORMATS: readonly Format[] = [
  ESM,
  COMMON_JS,
  {
    name: "`NODE_OPTIONS=--import=…`",
    expected: "library",
    prepare: (folder, library) => ({
      args: [write(folder, "options.mjs", esm(library) + run(library))],
      env: { NODE_OPTIONS: `--import=${REGISTER}` },
    }),
  },
  IN_APP,
  {
    name: "TypeScript, types stripped by Node",
    expected: "library",
    prepare: (folder, library) => ({
      args: ["--experimental-strip-types", ...PRELOAD, write(folder, "agent.mts", TYPED + esm(library) + run(library))],
    }),
  },
  {
    name: "TypeScript with tsx",
    expected: "library",
    prepare: (folder, library) => ({
      args: [
        ...PRELOAD,
        "--import",
        import.meta.resolve("tsx"),
        write(folder, "tsx.ts", TYPED + esm(library) + run(library)),
      ],
    }),
  },
  ...(["esm", "cjs"] as const).map((format): Format => ({
    name: `esbuild, ${format === "esm" ? "ESM" : "CommonJS"}, libraries external`,
    expected: "library",
    async prepare(folder, library) {
      const file = write(folder, `to-${format}.mjs`, esm(library) + run(library));
      return { args: [...PRELOAD, await bundle(file, format, [library.name])] };
    },
  })),
  {
    name: "esbuild, library in the bundle",
    expected: "wire",
    async prepare(folder, library) {
      const file = write(folder, "to-bundle.mjs", esm(library) + run(library));
      return { args: [...PRELOAD, await bundle(file, "cjs", [])] };
    },
  },
  {
    name: "esbuild, ESM, the gate in the bundle",
    expected: "library",
    async prepare(folder, library) {
      const register = 'import { registerTollgate } from "@tollgate/instrumentation";\n';
      const file = write(
        folder,
        "with-gate.mjs",
        `${esm(library)}${register}await registerTollgate().ready;\n${run(library)}`,
      );
      return { args: [await bundle(file, "esm", [library.name])] };
    },
  },
  {
    name: "worker thread",
    expected: "library",
    prepare(folder, library) {
      write(folder, "thread.mjs", esm(library) + run(library));
      const start =
        'import { Worker } from "node:worker_threads"; new Worker(new URL("./thread.mjs", import.meta.url));\n';
      return { args: [...PRELOAD, write(folder, "starts-thread.mjs", start)] };
    },
  },
  {
    name: "child process",
    expected: "library",
    prepare(folder, library) {
      write(folder, "child.cjs", cjs(library) + run(library));
      const start = 'require("node:child_process").fork(require("node:path").join(__dirname, "child.cjs"));\n';
      return { args: [...PRELOAD, write(folder, "starts-child.cjs", start)] };
    },
  },
];

/** The same as a module of a larger program: it tells its outcome with the library's name before it. */
export function partSource(library: Library, system: "esm" | "cjs"): string {
  return (system === "esm" ? esm : cjs)(library) + run(library, `((said) => console.log("${library.name}: " + said))`);
}
