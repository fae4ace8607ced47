/**
 * Style as an ordinary test. Goal: what the house style promises about the shape of the tree is true at every commit.
 * Method: every tracked source file is read as text; imports are found by a regular expression, which is enough because
 * the formatter gives every import one shape.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lintConfig } from "../scripts/generate-lint-config.ts";
import { LAYERS, PURE_SUBPATHS } from "./support/layers.ts";

const ROOT = join(import.meta.dirname, "..");
const FILE_LINES_MAX = 400;

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(ROOT, path)));
const sources = tracked.filter((path) => /\.(ts|mjs|cjs)$/.test(path));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

function importsOf(path: string): string[] {
  const found = read(path).matchAll(
    /^(?:import|export)\b[^"';=]*?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? "");
}

/** `src/budget/rules.ts` importing `../support/clock.ts` → `support`. `undefined` outside `src/` or inside the same folder. */
function folderImported(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const [root, folder, ...rest] = join(path, "..", specifier).split("/");
  if (root !== "src") return undefined;
  return rest.length === 0 ? "main" : folder;
}

describe("the tree", () => {
  it("imports in one direction only", () => {
    const wrong: string[] = [];
    for (const path of sources.filter((file) => file.startsWith("src/"))) {
      const own = path === "src/main.ts" ? "main" : (path.split("/")[1] ?? "");
      const allowed = LAYERS[own];
      if (allowed === undefined) wrong.push(`${path}: the folder ${own} stands in no layer`);
      for (const specifier of importsOf(path)) {
        const other = folderImported(path, specifier);
        if (other === undefined || other === own || other === "telemetry" || allowed?.includes(other)) continue;
        wrong.push(`${path} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("keeps receivers, processors and exporters from importing each other", () => {
    const wrong: string[] = [];
    for (const path of sources) {
      const own = /^src\/(receivers|processors|exporters|extensions)\/([^/]+)\//.exec(path);
      if (own === null) continue;
      for (const specifier of importsOf(path)) {
        const target = specifier.startsWith(".") ? join(path, "..", specifier) : specifier;
        const other = /^src\/(receivers|processors|exporters|extensions)\/([^/]+)\//.exec(target);
        if (other !== null && (other[1] !== own[1] || other[2] !== own[2])) wrong.push(`${path} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("lets the processor use only the pure subpaths of the instrumentation, and the instrumentation nothing of the processor", () => {
    const wrong: string[] = [];
    for (const path of sources) {
      for (const specifier of importsOf(path)) {
        const subpath = /^@tollgate\/instrumentation(?:\/(.*))?$/.exec(specifier);
        const isPure = subpath !== null && (PURE_SUBPATHS as readonly string[]).includes(subpath[1] ?? "");
        if (path.startsWith("src/") && path.endsWith(".ts") && subpath !== null && !isPure) {
          wrong.push(`${path} imports ${specifier}`);
        }
        const target = specifier.startsWith(".") ? join(path, "..", specifier) : "";
        if (path.startsWith("instrumentation/src/") && /^(src|test|bench)\//.test(target))
          wrong.push(`${path} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it(`keeps every source file within ${FILE_LINES_MAX} lines`, () => {
    const long = sources
      .filter((path) => !/(^|\/)(fixtures|generated)\//.test(path))
      .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
      .filter(({ lines }) => lines > FILE_LINES_MAX);
    expect(long).toEqual([]);
  });

  it("has file names in kebab-case and no folder of odds and ends", () => {
    const wrong = sources.filter((path) => {
      const name = path.split("/").at(-1) ?? "";
      return (
        !/^[a-z0-9]+([-.][a-z0-9]+)*\.(ts|mjs|cjs)$/.test(name) ||
        /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(path)
      );
    });
    expect(wrong).toEqual([]);
  });

  it("has no test that is skipped or runs alone, and no unfinished work in the open", () => {
    const wrong: string[] = [];
    const unfinished = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b|not implemented`, "i");
    for (const path of sources) {
      const text = read(path);
      if (
        path.endsWith(".test.ts") &&
        /\b(?:it|test|describe)\.(?:only|skip|todo)\b|(?<![.\w])(?:xit|fit)\(/.test(text) &&
        path !== "test/tidy.test.ts"
      )
        wrong.push(`${path}: skip or only`);
      if (unfinished.test(text) && path !== "test/tidy.test.ts") wrong.push(`${path}: unfinished`);
    }
    expect(wrong).toEqual([]);
  });

  it("reads the environment in configuration only", () => {
    const allowed =
      /^(src\/config\/|src\/main\.ts|src\/demo\/|instrumentation\/src\/config\/|test\/|bench\/|scripts\/)/;
    const wrong = sources.filter((path) => !allowed.test(path) && /\bprocess\.env\b/.test(read(path)));
    expect(wrong).toEqual([]);
  });

  it("carries no path of a machine and no download address in the lockfile", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "https?:/);
    const paths = tracked.filter(
      (path) => !/\.(png|lock)$/.test(path) && /\/(work|root|home|tmp\/h)\/(main|shared|[a-z]+\/)/i.test(read(path)),
    );
    expect(paths.filter((path) => path !== "test/tidy.test.ts")).toEqual([]);
  });

  it("carries nothing that a tool left behind", () => {
    const left =
      /(^|\/)(isolate|core|CPU|Heap)[-.][^/]*$|\.(log|cpuprofile|heapprofile|heapsnapshot|orig|rej|bak|tmp)$/;
    expect(tracked.filter((path) => left.test(path))).toEqual([]);
  });

  it("locks the platform packages of every platform, also those that this machine's registry does not serve", () => {
    const check = spawnSync(process.execPath, [join(ROOT, "scripts", "complete-lockfile.mjs"), "--check"], {
      encoding: "utf8",
    });
    expect(check.stderr).toBe("");
    expect(check.status).toBe(0);
  });

  it("holds the linter's layers and this test's layers to one list", () => {
    expect(JSON.parse(read(".oxlintrc.json"))).toEqual(JSON.parse(lintConfig()));
  });
});
