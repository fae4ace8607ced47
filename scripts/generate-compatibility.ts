/**
 * Runs the matrix of formats, versions of Node and versions of libraries, and writes docs/compatibility.md from what came out.
 * Fetches the other versions of Node, the libraries, bundlers and runtimes by npm into a temporary folder; takes a quarter of an hour.
 * With names (`node scripts/generate-compatibility.ts openai webpack bun`) it runs only those, and writes nothing.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFolder, COMMON_JS, ESM, FORMATS, LIBRARIES } from "../test/formats/agents.ts";
import { bundledByWebpack, BUNDLERS, RUNTIMES, runtimeFormats } from "../test/formats/installed.ts";
import { NEXT, NEXT_BUILDERS, NEXT_EXTERNAL, runNext } from "../test/formats/next-app.ts";
import type { Format, Library } from "../test/formats/agents.ts";
import { runCell } from "../test/formats/run-cell.ts";
import { startScriptedProvider } from "../test/support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..");
/** Besides the one that runs this. The first is the oldest that is supported. */
const NODES = ["22.15.0", "26.10.0"];
/** What is asked for by name; nothing: all of it. */
const only = new Set(process.argv.slice(2));
const isWanted = (name: string): boolean => only.size === 0 || only.has(name);

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
    ...(only.size === 0 ? NODES : []).map((version) => ({ version, path: installNode(version) })),
  ].toSorted((left, right) => left.version.localeCompare(right.version, "en", { numeric: true }));
  const tables = {
    formats: await formatRows(nodes),
    // Formats are run on all of them; libraries on the ends.
    libraries: await libraryRows(ends(nodes)),
    runtimes: await runtimeRows(),
    next: isWanted("next") ? await nextRows() : "",
  };
  if (only.size === 0) writeFileSync(join(ROOT, "docs", "compatibility.md"), page(nodes, tables));
} finally {
  await provider.close();
  rmSync(temporary, { recursive: true, force: true });
  rmSync(installed, { recursive: true, force: true });
}

function ends(nodes: readonly Node[]): readonly Node[] {
  return nodes.filter((_node, index) => index === 0 || index === nodes.length - 1);
}

async function formatRows(nodes: readonly Node[]): Promise<string> {
  const [library] = LIBRARIES;
  if (library === undefined) throw new Error("the list of libraries is empty");
  const bundled = isWanted("webpack") ? bundledByWebpack(install(...BUNDLERS)) : [];
  const rows: string[] = [];
  for (const format of [...(isWanted("formats") ? FORMATS : []), ...bundled]) {
    const cells: string[] = [];
    for (const node of nodes) cells.push(await outcome({ format, library, folder: installed, node }));
    rows.push(`| ${format.name} | ${cells.join(" | ")} |`);
  }
  return rows.join("\n");
}

async function libraryRows(nodes: readonly Node[]): Promise<string> {
  const rows: string[] = [];
  for (const library of LIBRARIES.filter(({ name }) => isWanted(name))) {
    const newest = versionIn(ROOT, library.name);
    for (const version of new Set([library.oldest, newest])) {
      const folder = version === newest ? installed : install(`${library.name}@${version}`, ...(library.peers ?? []));
      const cells: string[] = [];
      for (const format of [ESM, COMMON_JS]) {
        for (const node of nodes) cells.push(await outcome({ format, library, folder, node }));
      }
      rows.push(`| \`${library.name}\` ${version} | ${cells.join(" | ")} |`);
    }
  }
  return rows.join("\n");
}

/** Each with `openai`, on the runtime that the package brings. */
async function runtimeRows(): Promise<string> {
  const [library] = LIBRARIES;
  if (library === undefined) throw new Error("the list of libraries is empty");
  const rows: string[] = [];
  for (const what of RUNTIMES) {
    const [name = "", version = ""] = what.split("@");
    if (!isWanted(name)) continue;
    // Deno wants the library in the package.json beside the program.
    const folder = install(what, `${library.name}@${versionIn(ROOT, library.name)}`);
    const path = join(folder, "node_modules", ".bin", name);
    const run = name === "deno" ? ["run", "--allow-all"] : [];
    const cells: string[] = [];
    for (const format of runtimeFormats(["--preload"], run)) {
      cells.push(await outcome({ format, library, folder, node: { version: `${name} ${version}`, path } }));
    }
    rows.push(`| ${name === "bun" ? "Bun" : "Deno"} ${version} | ${cells.join(" | ")} |`);
  }
  return rows.join("\n");
}

async function nextRows(): Promise<string> {
  const [library] = LIBRARIES;
  const folder = install(...NEXT, `openai@${versionIn(ROOT, library?.name ?? "")}`, join(ROOT, "instrumentation"));
  const rows: string[] = [];
  for (const [name, external] of Object.entries(NEXT_EXTERNAL)) {
    const cells: string[] = [];
    for (const builder of NEXT_BUILDERS) {
      const result = await runNext(folder, provider, { builder, external });
      process.stdout.write(`next, ${name}, ${builder}: ${result}\n`);
      cells.push(result);
    }
    rows.push(`| ${name} | ${cells.join(" | ")} |`);
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
  process.stdout.write(`${cell.library.name}, ${cell.format.name}, ${cell.node.version}: ${result}\n`);
  return result;
}

function installNode(version: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  return join(install(`${name}@${version}`), "node_modules", name, "bin", "node");
}

function install(...what: readonly string[]): string {
  const folder = mkdtempSync(join(temporary, "npm-"));
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const quiet = ["--no-audit", "--no-fund", "--loglevel", "error", "--legacy-peer-deps", "--install-links"];
  execFileSync("npm", ["i", ...what, ...quiet], { cwd: folder, stdio: "ignore" });
  return folder;
}

function versionIn(folder: string, name: string): string {
  const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

interface Tables {
  readonly formats: string;
  readonly libraries: string;
  readonly runtimes: string;
  readonly next: string;
}

function page(nodes: readonly Node[], { formats, libraries, runtimes, next }: Tables): string {
  const columns = nodes.map(({ version }) => `Node ${version}`);
  const twice = ["ESM", "CommonJS"].flatMap((system) => ends(nodes).map(({ version }) => `${system}, Node ${version}`));
  const line = (count: number): string => `|${"---|".repeat(count)}`;
  return `# What works where

Written by \`node scripts/generate-compatibility.ts\` from runs: in each cell a real agent makes one call that does not fit into its budget (a tool
that its policy denies, where the library has tools only), and nothing may be sent. \`library\`: held by the library's own patch. \`wire\`: held where it would
leave the process, with the same budgets and prices, but each retry is a call of its own, and tools are not seen. \`held\`: by \`guard()\`. The formats on the current Node, and
the libraries' oldest and newest versions on the oldest and newest Node, are tests too (test/formats).

| Format (\`openai\`) | ${columns.join(" | ")} |
${line(columns.length + 1)}
${formats}

| Library, the oldest and the newest that were run | ${twice.join(" | ")} |
${line(twice.length + 1)}
${libraries}

| Next.js (\`${NEXT[0]}\`, \`next build\` and \`next start\`, \`openai\`), registered in \`instrumentation.js\` | ${NEXT_BUILDERS.join(" | ")} |
${line(NEXT_BUILDERS.length + 1)}
${next}

| Runtime (\`openai\`) | ESM, \`--preload\` | CommonJS, \`--preload\` | \`registerTollgate()\` in the app | \`guard(client)\` |
${line(5)}
${runtimes}

On other runtimes than Node, classes of SDKs are gated; tools of frameworks are not on Bun, which has no hooks for modules: wrap them with \`guardTool\`. \`fetch\`,
\`node:http\` and bytes on sockets of \`node:net\` were tried there by hand, and are seen as on Node; HTTP/2, threads and children were not tried.

A library in a bundle is held by the wire only: name it in \`externals\` or \`serverExternalPackages\`. Of code given as text to a worker
thread (\`eval: true\`), what it imports as ES modules is held by the wire only. \`tollgate doctor -- node agent.js\` tells what is gated in a program of yours.
`;
}
