/**
 * Goal: each library is held by its own patch at the corners of what is supported: its oldest and its newest version, ESM and CommonJS, on the
 * oldest and the newest Node, each pair of these once. Method: one agent a corner, in which each library makes one call that does not fit into its budget (or
 * calls a tool that its policy denies); nothing may be sent. docs/compatibility.md has each cell as a process of its own.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScriptedProvider, type ScriptedProvider } from "../support/scripted-provider.ts";
import { LIBRARIES, partSource, PRELOAD, write, type Library } from "./agents.ts";
import { oldestFolder } from "./oldest.ts";
import { spawnAgent } from "./run-cell.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const NODES = { "22": "node-22", "26": "node-26" } as const;

let oldest: string;
let provider: ScriptedProvider;

// The first time it fetches the oldest libraries: a minute, or several where other work has the machine.
const FETCH_MS_MAX = 900_000;

beforeAll(async () => {
  oldest = oldestFolder();
  provider = await startScriptedProvider();
}, FETCH_MS_MAX);

afterAll(async () => {
  await provider.close();
});

interface Corner {
  readonly age: "oldest" | "newest";
  readonly node: keyof typeof NODES;
  readonly system: "esm" | "cjs";
}

/** Each pair of age, Node and module system once. */
const CORNERS: readonly Corner[] = [
  { age: "oldest", node: "22", system: "esm" },
  { age: "oldest", node: "26", system: "cjs" },
  { age: "newest", node: "22", system: "cjs" },
  { age: "newest", node: "26", system: "esm" },
];

function versionIn(folder: string, name: string): string | undefined {
  try {
    const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(text) as { readonly version: string }).version;
  } catch {
    return undefined;
  }
}

/** What the agent says of each library, and what the gate's log calls gated. */
async function runCorner({ age, node, system }: Corner, libraries: readonly Library[]) {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-matrix-"));
  symlinkSync(join(age === "oldest" ? oldest : ROOT, "node_modules"), join(folder, "node_modules"));
  const extension = system === "esm" ? "mjs" : "cjs";
  const parts = libraries.map((library, index) =>
    write(folder, `part-${index}.${extension}`, partSource(library, system)),
  );
  const load = (path: string): string => (system === "esm" ? `await import("${path}");` : `require("${path}");`);
  const program = write(folder, `agent.${extension}`, parts.map(load).join("\n"));
  const child = spawnAgent({
    node: join(oldest, "node_modules", NODES[node], "bin", "node"),
    args: [...PRELOAD, program],
    folder,
    providerUrl: provider.url,
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stderr.setEncoding("utf8").on("data", (text: string) => void err.push(text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out.push(text);
    // Some SDKs leave a timer of minutes behind where their request was refused.
    if (out.join("").trimEnd().split("\n").length >= libraries.length) child.kill("SIGKILL");
  });
  await new Promise((resolve, reject) => void child.once("error", reject).once("close", resolve));
  rmSync(folder, { recursive: true, force: true });
  const log = err.join("");
  const said = out.join("").trimEnd().split("\n");
  return libraries.map((library) => {
    const isPatched = log.includes(`${library.gatedAs ?? library.name} is gated: `);
    const outcome = said.find((line) => line.startsWith(`${library.name}: `)) ?? `${library.name} said nothing: ${log}`;
    return `${outcome}${isPatched ? "" : ", not patched"}`;
  });
}

describe("each library is held by its own patch", () => {
  it.each(CORNERS.map((corner) => [corner.age, corner.system, corner.node, corner] as const))(
    "%s versions, %s, Node %s",
    async (age, _system, _node, corner) => {
      // One of them is as old as it is new.
      const libraries = LIBRARIES.filter(({ name }) => age === "newest" || versionIn(oldest, name) !== undefined);
      expect(libraries.length).toBeGreaterThanOrEqual(LIBRARIES.length - 1);
      const before = provider.requests.length;
      expect(await runCorner(corner, libraries)).toEqual(
        libraries.map(({ name, refusal = "budget_exceeded" }) => `${name}: ${refusal}`),
      );
      expect(provider.requests.length).toBe(before);
    },
  );

  it("the versions are those that are said to be the oldest", () => {
    for (const { name, oldest: version } of LIBRARIES) {
      expect([name, versionIn(oldest, name) ?? versionIn(ROOT, name)]).toEqual([name, version]);
    }
  });
});
