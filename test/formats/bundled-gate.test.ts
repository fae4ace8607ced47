/**
 * An app whose bundle holds the gate and the SDK, and that runs where no package is installed, as functions in a cloud do: it knows prices and
 * policies, its calls are held, and it says that they are on the wire only.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import type { BuildOptions } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chatCompletion, startScriptedProvider } from "../support/scripted-provider.ts";
import type { ScriptedProvider } from "../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const APP = `
import OpenAI from "openai";
import { guardTool, Policy, registerTollgate } from "@tollgate/instrumentation";
registerTollgate();
const policy = new Policy({ default: "allow", rules: [{ name: "r", effect: "deny", tools: ["db_{drop,wipe}_*"], when: "true" }] });
const said = async (work) => { try { await work(); return "done"; } catch (error) { return error.code ?? error.cause?.code ?? String(error); } };
(async () => {
  const client = new OpenAI({ baseURL: process.env.PROVIDER_URL + "/v1", apiKey: "k", maxRetries: 0 });
  const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
  const call = await said(() => client.chat.completions.create(chat));
  const tool = await said(() => guardTool("db_drop_users", () => {}, { policy })());
  const own = await said(() => guardTool("wipe", () => {})());
  console.log([call, tool, own].join());
})();`;

/** Code in there that is CommonJS asks for Node's own modules. */
const banner = {
  js: 'import { createRequire as toRequire } from "node:module"; const require = toRequire(import.meta.url);',
};
const BUNDLES: Readonly<Record<string, BuildOptions>> = {
  ESM: { format: "esm", banner },
  CommonJS: { format: "cjs" },
  "CommonJS, minified": { format: "cjs", minify: true },
};

let folder: string;
let provider: ScriptedProvider;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-bundle-"));
  writeFileSync(join(folder, "policy.yaml"), "kind: policy\nname: own\ndefault: allow\ndeny: [wi*]\n");
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await provider.close();
});

it.each(Object.entries(BUNDLES))("holds what it has to, and nothing else: %s", async (name, options) => {
  const outfile = join(folder, `${name.replaceAll(/\W+/g, "-")}.${options.format === "esm" ? "mjs" : "cjs"}`);
  const stdin = { contents: APP, resolveDir: ROOT, sourcefile: "app.mjs" };
  await build({ stdin, bundle: true, platform: "node", outfile, logLevel: "silent", ...options });
  const run = async (budget: string): Promise<readonly [out: string, err: string]> => {
    const env = {
      PATH: process.env["PATH"],
      PROVIDER_URL: provider.url,
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_BUDGET: budget,
      TOLLGATE_POLICY: join(folder, "policy.yaml"),
    };
    const child = spawn(process.execPath, [outfile], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return Promise.all([text(child.stdout), text(child.stderr)]);
  };
  const before = provider.requests.length;
  const [refused, said] = await run("$0.00000001");
  expect(refused).toBe("budget_exceeded,tool_denied,tool_denied\n");
  // By the name of the SDK's own class, which is another where names are short.
  expect(said.includes("they are gated on the wire only")).toBe(options.minify !== true);
  expect(provider.requests).toHaveLength(before);
  expect((await run("$1"))[0]).toBe("done,tool_denied,tool_denied\n");
  expect(provider.requests).toHaveLength(before + 1);
});

/** What webpack and Turbopack make of an `import` whose module they do not know. */
const AS_BUNDLED = [/\bimport\((__rewriteRelativeImportExtension\w*\()/g, "Promise.reject($1"] as const;

it("finds what is loaded outside of the bundle, and says nothing of what is not loaded", async () => {
  const beside = mkdtempSync(join(ROOT, "node_modules", ".tollgate-bundle-"));
  const contents = `import "groq-sdk"; import { registerTollgate } from "@tollgate/instrumentation"; await registerTollgate().ready;`;
  const stdin = { contents, resolveDir: ROOT, sourcefile: "app.mjs" };
  const options: BuildOptions = { bundle: true, platform: "node", external: ["groq-sdk"], write: false, format: "esm" };
  const [output] = (await build({ stdin, logLevel: "silent", banner, ...options })).outputFiles ?? [];
  const changed = output?.text.replaceAll(...AS_BUNDLED) ?? "";
  expect(changed).not.toBe(output?.text);
  writeFileSync(join(beside, "app.mjs"), changed);
  const child = spawn(process.execPath, ["app.mjs"], {
    cwd: beside,
    env: { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_LOG: "debug" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = await text(child.stderr);
  rmSync(beside, { recursive: true, force: true });
  expect(said).toContain("groq-sdk is gated: ");
  expect(said).not.toMatch(/can't be gated|NOT gated/);
});
