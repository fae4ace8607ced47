/**
 * Goal: no library slips past its patch in silence. Method: agents that are registered as they should be, with a copy that can't be gated
 * where it is made: one in a bundle, and a second one whose version the gate does not know, loaded late. Each is told once in the log, with
 * the fix, on a span, and in `tollgate status`; its calls are held on the wire all the same.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child } from "../../src/demo/child-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { tollgate } from "../support/tollgate-cli.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const rig = useRig({
  governance: "kind: budget\nname: all\neach: agent\nlimit: $1.00\nwindow: lifetime\nmode: hard\n",
});

const ASK = `{ model: "gpt-4o", max_tokens: 20, messages: [{ role: "user", content: "hi" }] }`;
const CALLS = `
const client = new OpenAI({ apiKey: process.env.TOLLGATE_AGENT, baseURL: process.env.PROVIDER + "/v1" });
for (let call = 0; call < 2; call += 1) await client.chat.completions.create(${ASK});`;
const STAYS = "setInterval(() => {}, 60_000);";
/** A client as a version to come may be. */
const OTHER_CLIENT = `export class Client { constructor(options) { Object.assign(this, options); }
  get chat() { return { completions: { create: (body) => fetch(this.baseURL + "/chat/completions", { method: "POST",
    headers: { authorization: "Bearer " + this.apiKey, "content-type": "application/json" }, body: JSON.stringify(body) }) } }; } }`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-unpatched-"));
  const copy = join(folder, "node_modules", "openai");
  mkdirSync(copy, { recursive: true });
  writeFileSync(join(copy, "package.json"), JSON.stringify({ name: "openai", version: "99.0.0", type: "module" }));
  writeFileSync(join(copy, "client.mjs"), OTHER_CLIENT);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function bundled(): Promise<string> {
  const stdin = { contents: `import OpenAI from "openai";${CALLS}${STAYS}`, resolveDir: ROOT };
  const outfile = join(folder, "bundled.mjs");
  await build({ stdin, outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
  return outfile;
}

async function second(): Promise<string> {
  const file = join(folder, "second.mjs");
  const late = `const { Client } = await import("./node_modules/openai/client.mjs");${CALLS.replace("new OpenAI", "new Client")}`;
  writeFileSync(file, `import First from "../openai/index.mjs"; First.name; ${late}${STAYS}`);
  return file;
}

test.each([
  ["a bundle", "bundler", bundled, /^openai@\d/, "keep it external"],
  ["a second copy", "twofold", second, /^openai@99\.0\.0$/, "is loaded but NOT gated"],
] as const)(
  "%s is told in the log, on a span and in the status, and held on the wire",
  async (_what, agent, file, library, fix) => {
    const { processor, providerUrl, simulator, workspace } = rig();
    const lines: string[] = [];
    const child = new Child({
      args: ["--import", "@tollgate/instrumentation/register", await file()],
      env: {
        TOLLGATE_AGENT: agent,
        PROVIDER: providerUrl,
        TOLLGATE_ENDPOINT: processor.endpoints.api,
        OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
      },
      onStderrLine: (line) => lines.push(line),
    });
    try {
      const warning = await waitFor(
        async () => {
          const { stdout } = await tollgate(["status", "--json", "--data-dir", workspace.dataDir]);
          const { warnings } = JSON.parse(stdout) as { readonly warnings: readonly string[] };
          return warnings.find((text) => text.includes(`agent \`${agent}\``));
        },
        { what: "a warning in the status", timeoutMs: 60_000, intervalMs: 100 },
      );
      expect(/has loaded (\S+), which is not gated/.exec(warning)?.[1]).toMatch(library);
      await waitFor(async () => (simulator.count().by_key[agent]?.calls === 2 ? true : undefined), {
        what: "both calls",
        timeoutMs: 60_000,
        intervalMs: 50,
      });
    } finally {
      await child.stop(10_000);
    }
    const told = lines.filter((line) => line.includes(fix));
    expect(told).toHaveLength(1);
    const spans = await sqlRows(
      rig(),
      `SELECT name, attributes['tollgate.probe.unpatched'] AS library, attributes['tollgate.wire'] AS wire
     FROM spans WHERE agent = '${agent}' AND (library != '' OR wire != '') ORDER BY library DESC`,
      3,
    );
    const expected = expect.stringMatching(library) as unknown;
    expect(spans).toEqual([
      { name: "ungated openai", library: expected, wire: "" },
      ...Array.from({ length: 2 }, () => ({ name: "chat gpt-4o", library: "", wire: "fetch" })),
    ]);
  },
);
