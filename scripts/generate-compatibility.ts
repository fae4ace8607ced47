/**
 * Runs the matrix of formats, versions of Node and versions of libraries, and writes docs/compatibility.md from what came out.
 * Fetches the other versions of Node and the libraries by npm into a temporary folder; takes some minutes.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFolder, COMMON_JS, ESM, FORMATS, LIBRARIES } from "../test/formats/agents.ts";
import type { Format, Library } from "../test/formats/agents.ts";
import { runCell } from "../test/formats/run-cell.ts";
import { startScriptedProvider } from "../test/support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..");
/** Besides the one that runs this. The first is the oldest that is supported. */
const NODES = ["22.15.0", "26.10.0"];
/** The oldest that is supported; the newest is the one in package.json. */
const OLDEST: Readonly<Record<string, string>> = {
  openai: "7.0.0",
  "@anthropic-ai/sdk": "1.0.0",
  "@google/genai": "3.1.0",
};

interface Node {
  readonly version: string;
  readonly path: string;
}

const temporary = mkdtempSync(join(tmpdir(), "tollgate-matrix-"));
const installed = agentFolder();
const provider = await startScriptedProvider();
try {
  const nodes: readonly Node[] = [
    { version: process.versions.node, path: process.execPath },
    ...NODES.map((version) => ({ version, path: installNode(version) })),
  ].toSorted((left, right) => left.version.localeCompare(right.version, "en", { numeric: true }));
  writeFileSync(join(ROOT, "docs", "compatibility.md"), page(nodes, await formatRows(nodes), await libraryRows(nodes)));
} finally {
  await provider.close();
  rmSync(temporary, { recursive: true, force: true });
  rmSync(installed, { recursive: true, force: true });
}

async function formatRows(nodes: readonly Node[]): Promise<string> {
  const [library] = LIBRARIES;
  if (library === undefined) throw new Error("the list of libraries is empty");
  const rows: string[] = [];
  for (const format of FORMATS) {
    const cells: string[] = [];
    for (const node of nodes) cells.push(await outcome({ format, library, folder: installed, node }));
    rows.push(`| ${format.name} | ${cells.join(" | ")} |`);
  }
  return rows.join("\n");
}

async function libraryRows(nodes: readonly Node[]): Promise<string> {
  const rows: string[] = [];
  for (const library of LIBRARIES) {
    const newest = versionIn(ROOT, library.name);
    const oldest = OLDEST[library.name] ?? newest;
    for (const version of new Set([oldest, newest])) {
      const folder = version === newest ? installed : install(`${library.name}@${version}`);
      const cells: string[] = [];
      for (const format of [ESM, COMMON_JS]) {
        for (const node of nodes) cells.push(await outcome({ format, library, folder, node }));
      }
      rows.push(`| \`${library.name}\` ${version} | ${cells.join(" | ")} |`);
    }
  }
  return rows.join("\n");
}

async function outcome(cell: {
  readonly format: Format;
  readonly library: Library;
  readonly folder: string;
  readonly node: Node;
}): Promise<string> {
  const result = await runCell({ ...cell, node: cell.node.path }, provider);
  process.stdout.write(`${cell.library.name}, ${cell.format.name}, Node ${cell.node.version}: ${result}\n`);
  return result;
}

function installNode(version: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  return join(install(`${name}@${version}`), "node_modules", name, "bin", "node");
}

function install(what: string): string {
  const folder = mkdtempSync(join(temporary, "npm-"));
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  execFileSync("npm", ["i", what, "--no-audit", "--no-fund", "--loglevel", "error"], { cwd: folder, stdio: "ignore" });
  return folder;
}

function versionIn(folder: string, name: string): string {
  const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

function page(nodes: readonly Node[], formats: string, libraries: string): string {
  const columns = nodes.map(({ version }) => `Node ${version}`);
  const twice = ["ESM", "CommonJS"].flatMap((system) => columns.map((column) => `${system}, ${column}`));
  const line = (count: number): string => `|${"---|".repeat(count)}`;
  return `# What works where

Written by \`node scripts/generate-compatibility.ts\` from runs: in each cell a real agent makes one call that does not fit into its budget, and
nothing may be sent. \`library\`: held by the library's own patch. \`wire\`: held where it would leave the process, with the same budgets and prices,
but each retry is a call of its own, and tools are not seen. The formats on the current Node are a test too (test/formats).

| Format (\`openai\`) | ${columns.join(" | ")} |
${line(columns.length + 1)}
${formats}

| Library | ${twice.join(" | ")} |
${line(twice.length + 1)}
${libraries}

Not run: webpack and Next.js (name the libraries in \`externals\` or \`serverExternalPackages\`; one in a bundle should be held by the wire, as with esbuild),
Bun and Deno (use \`guard(client)\`, or [reservations over HTTP](reservations.md)). Code given as text to a worker thread (\`eval: true\`) is not gated, and is reported.
\`tollgate doctor -- node agent.js\` tells what is gated in a program of yours.
`;
}
