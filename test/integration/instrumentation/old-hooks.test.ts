/**
 * An app that registers itself on a Node whose hooks are not synchronous (22.15 to 22.22.2): what is loaded cannot be looked up there without
 * loading it. What is said to be ungated has to be so. Those versions' way is taken by this Node, too, when it is told that it is one.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const OLD = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"22.15.0"})';
const SAID = /(\S+) (?:is loaded but NOT gated: [^(]*\(([^)]*)\)|can't be gated)/g;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-old-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The files of libraries that an app says are not gated, without their folders. */
async function ungated(name: string, source: string, preload: readonly string[] = []): Promise<readonly string[]> {
  const file = join(folder, name);
  writeFileSync(file, source);
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:TOLLGATE|OTEL)_/.test(key));
  const env = { ...Object.fromEntries(inherited), TOLLGATE_ENDPOINT: "off" };
  const child = spawn(process.execPath, [...preload, file], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, log]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => log.push(text));
  await new Promise((resolve) => child.once("close", resolve));
  // It came to its end.
  expect(out.join("").trim()).toBe("done");
  return [...log.join("").matchAll(SAID)]
    .map(([, library, path = ""]) => `${library} ${path.split("/").at(-1)}`)
    .toSorted();
}

const REGISTER = 'import { registerTollgate } from "@tollgate/instrumentation";';
const IMPORT = 'await import("@openai/agents-core"); await import("@mastra/core/agent"); await import("ws");';

it.each([
  ["an old Node", ["--import", OLD]],
  ["this Node", []],
])(
  "says of nothing that is gated, or only looked for, that it is not: %s",
  async (_name, preload) => {
    const app = `${REGISTER} await registerTollgate().ready; console.log("done");`;
    expect(await ungated("nothing.mjs", app, preload)).toEqual([]);
    const late = `${REGISTER} await registerTollgate().ready; ${IMPORT} console.log("done");`;
    expect(await ungated("late.mjs", late, preload)).toEqual([]);
    const beside = `${REGISTER} const { ready } = registerTollgate(); ${IMPORT} await ready; console.log("done");`;
    expect(await ungated("beside.mjs", beside, preload)).toEqual([]);
  },
  60_000,
);

it.each([
  ["an old Node", ["--import", OLD]],
  ["this Node", []],
])(
  "says it of what was loaded before: %s",
  async (_name, preload) => {
    const app = `import "@openai/agents-core"; import "@mastra/core/agent"; ${REGISTER} await registerTollgate().ready; console.log("done");`;
    expect(await ungated("before.mjs", app, preload)).toEqual([
      "@mastra/core index.js",
      "@openai/agents-core modelPreparation.mjs",
      "@openai/agents-core modelRetry.mjs",
      "@openai/agents-core tool.mjs",
      // These two have taken it.
      "ws websocket.js",
    ]);
  },
  60_000,
);

it("says nothing of a library that nobody can load", async () => {
  const own = join(folder, "broken");
  const library = join(own, "node_modules", "ollama");
  mkdirSync(join(library, "dist"), { recursive: true });
  writeFileSync(join(library, "package.json"), '{ "name": "ollama", "version": "0.6.4", "main": "dist/index.cjs" }');
  for (const file of ["index.cjs", "browser.cjs", "browser.mjs"])
    writeFileSync(join(library, "dist", file), 'throw new Error("not for this runtime");');
  const app = `${REGISTER} await registerTollgate().ready; console.log("done");`;
  expect(await ungated(join("broken", "app.mjs"), app, ["--import", OLD])).toEqual([]);
}, 60_000);
