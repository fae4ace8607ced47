/** `tollgate doctor`, against real agents in each way that a library slips past the gate, and against a processor. */
import { build } from "esbuild";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessorProcess } from "../../../src/demo/processor-process.ts";
import { LIBRARIES } from "../../formats/agents.ts";
import type { Library } from "../../formats/agents.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

interface Report {
  readonly healthy: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly state: string;
    readonly detail: string;
    readonly fix: string;
  }[];
}

const GRACEFUL_RUNS = `
kind: budget
name: runs
scope: {}
limit: 3 concurrent runs
thresholds: [{ at: 100%, do: stop_gracefully }]
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-doctor-"));
  writeFileSync(join(folder, "agent.mjs"), 'import OpenAI from "openai"; new OpenAI({ apiKey: "x" });\n');
  writeFileSync(join(folder, "agent.cjs"), 'const OpenAI = require("openai"); new OpenAI({ apiKey: "x" });\n');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function examine(...command: readonly string[]): Promise<Report & { readonly code: number | null }> {
  const result = await tollgate(["doctor", "--json", "--", process.execPath, ...command], {
    cwd: ROOT,
    env: { TOLLGATE_ENDPOINT: "off", TOLLGATE_LOG: "error" },
  });
  return { ...(JSON.parse(result.stdout) as Report), code: result.code };
}

const REGISTERED = ["--import", "@tollgate/instrumentation/register"];

describe("doctor of an agent", () => {
  it.each(["agent.mjs", "agent.cjs"])("finds nothing where all is gated: %s", async (file) => {
    const report = await examine(...REGISTERED, join(folder, file));
    expect(report).toMatchObject({ code: 0, healthy: true });
    expect(report.checks.find(({ check }) => check.startsWith("openai@"))?.detail).toContain("gated");
  });

  it.each(["esm", "cjs"] as const)("finds nothing where every known library is loaded: %s", async (system) => {
    const entries = LIBRARIES.filter(({ name }) => system === "esm" || name !== "@anthropic-ai/claude-agent-sdk");
    const load = ({ name, entry = name }: Library): string =>
      system === "esm" ? `await import("${entry}");\n` : `require("${entry}");\n`;
    const agent = join(folder, system === "esm" ? "every.mjs" : "every.cjs");
    writeFileSync(agent, entries.map(load).join(""));
    const report = await examine(...REGISTERED, agent);
    expect(report.checks.filter(({ state }) => state !== "fine")).toEqual([]);
    const gated = report.checks.filter(({ detail }) => detail.startsWith("gated ("));
    for (const { name, gatedAs = name } of entries) {
      expect(gated.some(({ check }) => check === gatedAs || check.startsWith(`${gatedAs}@`))).toBe(true);
    }
  });

  it("finds an agent that is not registered, and says how it should be started", async () => {
    const report = await examine(join(folder, "agent.mjs"));
    expect(report).toMatchObject({ code: 1, healthy: false });
    const library = report.checks.find(({ check }) => check.startsWith("openai@"));
    expect(library).toMatchObject({ state: "finding", fix: expect.stringContaining("--import") });
  });

  it("finds a library in a bundle", async () => {
    const outfile = join(folder, "bundle.mjs");
    await build({
      entryPoints: [join(folder, "agent.mjs")],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile,
      logLevel: "error",
    });
    const report = await examine(...REGISTERED, outfile);
    expect(report.code).toBe(1);
    expect(report.checks.find(({ check }) => check === "openai")).toMatchObject({
      state: "finding",
      fix: expect.stringContaining("--external:openai"),
    });
    expect(report.checks.find(({ check }) => check.startsWith(outfile))?.detail).toContain("registered, Node");
    expect(report.checks.find(({ check }) => check.startsWith(outfile))?.detail).not.toContain("not registered");
    // The same version outside of it is gated, which does not hide that the copy inside is not.
    writeFileSync(join(folder, "both.mjs"), 'import "./agent.mjs"; import "./bundle.mjs";\n');
    const both = await examine(...REGISTERED, join(folder, "both.mjs"));
    const told = both.checks.filter(({ check }) => /^openai(?:@|$)/.test(check));
    expect(told.map(({ check, state }) => [check, state])).toEqual([
      [expect.stringMatching(/^openai@/), "fine"],
      ["openai", "finding"],
    ]);
  });

  it("tells copies of one version apart by where they lie", async () => {
    const inner = join(folder, "inner");
    cpSync(join(ROOT, "node_modules", "openai"), join(inner, "node_modules", "openai"), {
      recursive: true,
      filter: (file) => !/[.](?:map|[cm]?ts)$/.test(file),
    });
    writeFileSync(join(inner, "index.mjs"), 'import OpenAI from "openai"; new OpenAI({ apiKey: "x" });\n');
    const agent = 'import "./agent.mjs"; import "./inner/index.mjs";';
    const copies = async (name: string, source: string, preload: readonly string[]) => {
      writeFileSync(join(folder, name), source);
      const report = await examine(...preload, join(folder, name));
      const copiesOf = (isInner: boolean) =>
        report.checks.filter(({ check, detail }) => check.startsWith("openai@") && detail.includes(inner) === isInner);
      return { code: report.code, outer: copiesOf(false), inner: copiesOf(true) };
    };
    const fine = [expect.objectContaining({ state: "fine" })] as unknown;
    expect(await copies("copies.mjs", agent, REGISTERED)).toEqual({ code: 0, outer: fine, inner: fine });
    // An app that registers itself finds only the copy that it would get itself.
    const own = `${agent} import { registerTollgate } from "@tollgate/instrumentation"; await registerTollgate().ready;`;
    const late = [expect.objectContaining({ state: "finding", fix: expect.stringContaining("--import") as unknown })];
    expect(await copies("own.mjs", own, [])).toEqual({ code: 1, outer: fine, inner: late });
  });
});

describe("doctor of a processor", () => {
  it("says that it cannot be reached and what is wrong with its files, and ends with code 3", async () => {
    const config = join(folder, "tollgate.yaml");
    writeFileSync(config, "api: { endpoint: 127.0.0.1:0, tipo: 1 }\n");
    const result = await tollgate(
      ["doctor", "--json", "--api", "http://127.0.0.1:1", "--config", config, "--data-dir", folder],
      {},
    );
    expect(result.code).toBe(3);
    const report = JSON.parse(result.stdout) as Report;
    const found = report.checks.filter(({ state }) => state === "finding").map(({ check }) => check);
    expect(found).toEqual(expect.arrayContaining(["processor", "config"]));
    expect(report.checks.some(({ check }) => check === "disk")).toBe(true);
  });

  it("says once what documents ask for and nobody does, though the processor and their files both tell it", async () => {
    const workspace = await createWorkspace({ governance: GRACEFUL_RUNS });
    const processor = await ProcessorProcess.start({ workspace });
    try {
      const where = [
        "--api",
        processor.endpoints.api,
        "--config",
        join(workspace.path, "tollgate.yaml"),
        "--data-dir",
        workspace.dataDir,
      ];
      const { checks } = JSON.parse((await tollgate(["doctor", "--json", ...where], {})).stdout) as Report;
      const found = checks.filter(({ detail }) => detail.includes("keeps nothing back"));
      expect(found.map(({ state }) => state)).toEqual(["finding"]);
    } finally {
      await processor.stop();
      await workspace.remove();
    }
  });
});
