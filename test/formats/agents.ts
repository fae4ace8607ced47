/** Agents in each format that a program can have: the files, and how Node is started. Each makes one call that its budget refuses. */
import { build } from "esbuild";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** How a library is called, in words that both module systems share. */
export interface Library {
  readonly name: string;
  /** The class, by its default export or by name. */
  readonly binding: string;
  readonly isDefault: boolean;
  /** An expression that makes one call. */
  readonly call: string;
}

const URL_OF = "process.env.PROVIDER_URL";
const MESSAGES = 'messages: [{ role: "user", content: "hi" }]';

export const LIBRARIES: readonly Library[] = [
  {
    name: "openai",
    binding: "OpenAI",
    isDefault: true,
    call: `new OpenAI({ apiKey: "x", baseURL: ${URL_OF} + "/v1", maxRetries: 0 }).chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, ${MESSAGES} })`,
  },
  {
    name: "@anthropic-ai/sdk",
    binding: "Anthropic",
    isDefault: true,
    call: `new Anthropic({ apiKey: "x", baseURL: ${URL_OF}, maxRetries: 0 }).messages.create({ model: "claude-sonnet-4-5", max_tokens: 50, ${MESSAGES} })`,
  },
  {
    name: "@google/genai",
    binding: "GoogleGenAI",
    isDefault: false,
    call: `new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: ${URL_OF} } }).models.generateContent({ model: "gemini-2.5-flash", contents: "hi" })`,
  },
];

/** What Node is started with; `undefined`: this format needs a newer one. */
export interface Started {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Format {
  readonly name: string;
  /** Who gates the call here: the library's own patch, or only the wire. */
  readonly expected: "library" | "wire";
  prepare(folder: string, library: Library): Promise<Started> | Started;
}

const ROOT = join(import.meta.dirname, "..", "..");
const PACKAGE = join(ROOT, "instrumentation", "dist");

/** A folder for agents that find this repository's libraries; Node strips no types below `node_modules`. */
export function agentFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-formats-"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

const REGISTER = pathToFileURL(join(PACKAGE, "register.js")).href;
const PRELOAD = ["--import", REGISTER];

const esm = ({ name, binding, isDefault }: Library): string =>
  `import ${isDefault ? binding : `{ ${binding} }`} from "${name}";\n`;
const cjs = ({ name, binding }: Library): string => `const { ${binding} } = require("${name}");\n`;
const run = ({ call }: Library): string =>
  `${call}.then(() => console.log("answered"), (error) => console.log(error.code ?? error.cause?.code ?? String(error)));\n`;

function write(folder: string, name: string, source: string): string {
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
    const register = `import { registerTollgate } from "${pathToFileURL(join(PACKAGE, "index.js")).href}";\n`;
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
