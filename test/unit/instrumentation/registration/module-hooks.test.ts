import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileFunction } from "node:vm";
import { describe, expect, it } from "vitest";
import { appendReport } from "../../../../instrumentation/src/registration/loaded-report.ts";
import { hasSyncHooks } from "../../../../instrumentation/src/registration/module-hooks.ts";
import { findSdkFile } from "../../../../instrumentation/src/registration/sdk-files.ts";
import { VERSION } from "../../../../instrumentation/src/version.ts";

const MARK = Symbol.for("tollgate.loaded");
const OPENAI = findSdkFile("/app/node_modules/openai/client.mjs");

describe("the module hooks", () => {
  it("add a line that CommonJS takes to a module whose package does not say what it is", () => {
    const url = "file:///app/node_modules/undici/lib/dispatcher/dispatcher-base.js";
    const file = findSdkFile(url);
    if (file === undefined) throw new Error("the file is not known");
    const { source } = appendReport(file, url, { format: undefined, source: "module.exports = class {};" } as never);
    expect(() => compileFunction(source as string, ["module"])).not.toThrow();
  });

  it.each([
    ["22.15.0", false],
    ["22.22.2", false],
    ["22.22.3", true],
    ["23.11.0", false],
    ["24.11.0", false],
    ["24.11.1", true],
    ["24.21.0", true],
    ["25.0.0", false],
    ["25.1.0", true],
    ["26.0.0", true],
  ])("are synchronous where Node's are sound: %s %s", (version, expected) => {
    expect(hasSyncHooks(version)).toBe(expected);
  });

  it.each([
    "file:///app/node_modules/openai/client.mjs",
    "/app/node_modules/openai/client.js",
    "file:///app/node_modules/.pnpm/openai@7.55.0/node_modules/openai/client.mjs",
    "/app/node_modules/@google/genai/dist/node/index.cjs",
    "/app/node_modules/@modelcontextprotocol/sdk/dist/esm/shared/protocol.js",
    "C:\\app\\node_modules\\@anthropic-ai\\sdk\\client.js",
  ])("know the file of a client: %s", (location) => {
    expect(findSdkFile(location)).toBeDefined();
  });

  it.each(["/app/node_modules/not-openai/client.mjs", "/app/openai/client.mjs", "/app/node_modules/openai/azure.mjs"])(
    "leave %s alone",
    (location) => {
      expect(findSdkFile(location)).toBeUndefined();
    },
  );

  it("add one line, in the words of each module system, and keep the rest as it is", () => {
    if (OPENAI === undefined) throw new Error("openai is known");
    const added = (format: string, source: string | null) =>
      appendReport(OPENAI, "u", { format, source, shortCircuit: true } as Parameters<typeof appendReport>[2]).source;
    expect(added("module", "class OpenAI {}")).toMatch(
      /^class OpenAI \{\}\n;.*"openai",typeof OpenAI==="undefined"\?undefined:OpenAI,"u"\);\n$/,
    );
    expect(added("commonjs", "x")).toContain("exports.OpenAI");
    expect(added("commonjs", null)).toBeNull();
  });
});

describe("the added line", () => {
  const reported = (location: string, source: string, format: "module" | "commonjs"): string => {
    const file = findSdkFile(location);
    if (file === undefined) throw new Error(`${location} is none of ours`);
    const loaded = { format, source, shortCircuit: true } as Parameters<typeof appendReport>[2];
    return appendReport(file, "u", loaded).source as string;
  };
  const mastra = "/app/node_modules/@mastra/core/dist/utils-CBwueaDv.js";

  it("finds the class where a bundler has put other exports in the place of Node's, as AWS's SDK had them before 3.9", () => {
    const source = "class BedrockRuntimeClient {}\nmodule.exports = { BedrockRuntimeClient };";
    const text = reported("/app/node_modules/@aws-sdk/client-bedrock-runtime/dist-cjs/index.js", source, "commonjs");
    const seen: unknown[] = [];
    Object.defineProperty(globalThis, MARK, {
      value: (...given: unknown[]) => seen.push(...given),
      configurable: true,
    });
    const module = { exports: {} as Record<string, unknown> };
    compileFunction(text, ["module", "exports"])(module, module.exports);
    Reflect.deleteProperty(globalThis, MARK);
    expect(seen[1]).toBe(module.exports["BedrockRuntimeClient"]);
  });

  it("is added only to files of Mastra that declare what is replaced, and replaces no import", () => {
    expect(reported(mastra, "export const nothing = 1;", "module")).toBe("export const nothing = 1;");
    const text = reported(mastra, 'import { Tool } from "./tool.js";\nvar CoreToolBuilder = class {};\n', "module");
    expect(text).toContain("CoreToolBuilder:typeof");
    expect(text).not.toMatch(/[{,]Tool:/);
  });
});

describe("the version", () => {
  it("is that of the package", () => {
    const path = join(import.meta.dirname, "..", "..", "..", "..", "instrumentation", "package.json");
    expect(VERSION).toBe((JSON.parse(readFileSync(path, "utf8")) as { version: string }).version);
  });
});
