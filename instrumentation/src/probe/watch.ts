/**
 * `tollgate doctor -- node agent.js` puts this before everything else in the agent: it watches which files of known libraries
 * are loaded, whoever loads them, and at the end compares with what the gate says it has patched. It changes nothing.
 */
import { appendFileSync, readFileSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";
import { doctorFile } from "../config/doctor-file.ts";
import { hasSyncHooks } from "../registration/module-hooks.ts";
import { findSdkFile } from "../registration/sdk-files.ts";
import type { SdkFile } from "../registration/sdk-files.ts";
import { libraryAt } from "./library-at.ts";
import type { LoadedLibrary } from "./probe.ts";

/** "" where it is not known. */
type ModuleSystem = "ESM" | "CommonJS" | "";

/** One line of the doctor's file. */
export interface ProcessFinding {
  readonly pid: number;
  readonly thread: number;
  readonly script: string;
  readonly node: string;
  /** Whether files were watched too: older Node can only be asked what the gate has seen. */
  readonly isWatched: boolean;
  readonly isRegistered: boolean;
  readonly libraries: readonly (LoadedLibrary & { readonly system: ModuleSystem })[];
  /** Files of the app that hold a copy of a library. */
  readonly bundled: readonly { readonly name: string; readonly location: string }[];
}

/** Texts that are all in a bundle with that library, and in no other file of an app. */
const MARKS: readonly (readonly [name: string, marks: readonly string[]])[] = [
  ["openai", ["X-Stainless-Lang", "OPENAI_BASE_URL"]],
  ["@anthropic-ai/sdk", ["X-Stainless-Lang", "ANTHROPIC_BASE_URL"]],
  ["@google/genai", ["google-genai-sdk/", "generateContentInternal"]],
  ["ai", ["AI_NoOutputGeneratedError", "AI_RetryError"]],
];
/** The machinery of an SDK does not fit into less. */
const BUNDLE_LENGTH_MIN = 20_000;
const PROBE = Symbol.for("tollgate.probe");
/** Of the gate's own `fetch`, which is there before the gate is loaded. */
const FETCH = Symbol.for("tollgate.fetch");

const file = doctorFile();
const loaded = new Map<string, { readonly name: string; readonly system: ModuleSystem }>();
const bundled: { readonly name: string; readonly location: string }[] = [];
const isWatched = hasSyncHooks(process.versions.node);

if (file !== undefined) {
  if (isWatched) {
    module.registerHooks({
      load(url, context, nextLoad) {
        const result = nextLoad(url, context);
        look(url, result.format ?? "", result.source);
        return result;
      },
    });
  }
  process.on("exit", () => appendFileSync(file, `${JSON.stringify(report())}\n`));
}

function look(url: string, format: string, source: unknown): void {
  if (!url.startsWith("file:")) return;
  try {
    const sdk = findSdkFile(url);
    if (sdk === undefined) lookForBundle(url, source);
    else if (isMeant(sdk, url, source)) loaded.set(url, { name: sdk.name, system: systemOf(format) });
  } catch {
    // A file that only another loader can read holds nothing that is known here.
  }
}

function lookForBundle(url: string, source: unknown): void {
  if (/[/\\]node_modules[/\\](?!\.)/.test(url)) return;
  const text = textOf(url, source);
  if (text.length < BUNDLE_LENGTH_MIN) return;
  for (const [name, marks] of MARKS) {
    if (marks.every((mark) => text.includes(mark))) bundled.push({ name, location: url });
  }
}

/** Of a package whose files have other names in each version, one tells by its text only whether it is among those that are gated. */
function isMeant({ contains }: SdkFile, url: string, source: unknown): boolean {
  return contains === undefined || contains.test(textOf(url, source));
}

function textOf(url: string, source: unknown): string {
  if (typeof source === "string") return source;
  // Of CommonJS Node has read nothing yet.
  return source instanceof Uint8Array ? new TextDecoder().decode(source) : readFileSync(fileURLToPath(url), "utf8");
}

/** Where a package does not say in which system it is written, Node tells once it has read the file. */
function systemOf(format: string): ModuleSystem {
  if (format.startsWith("commonjs")) return "CommonJS";
  return format.startsWith("module") ? "ESM" : "";
}

function report(): ProcessFinding {
  const probe = (globalThis as { readonly [PROBE]?: () => readonly LoadedLibrary[] })[PROBE];
  const seen = probe?.() ?? [];
  const known = new Map(seen.map((library) => [fileOf(library.location), library]));
  const files = new Set([...loaded.keys()].map(fileOf));
  const { fetch } = globalThis as { readonly fetch?: { readonly [FETCH]?: true } };
  const watched = [...loaded].map(([location, { name, system }]) => ({
    ...libraryAt(name, location),
    location,
    isPatched: known.get(fileOf(location))?.isPatched ?? false,
    system,
  }));
  const others = seen
    .filter(({ location }) => !files.has(fileOf(location)))
    .map((library) => ({ ...library, system: "" as const }));
  return {
    pid: process.pid,
    thread: threadId,
    script: process.argv[1] ?? "",
    node: process.versions.node,
    isWatched,
    isRegistered: probe !== undefined || fetch?.[FETCH] === true,
    libraries: [...watched, ...others],
    bundled,
  };
}

/** The gate names a module by its URL or by its path, as it has come to it. */
function fileOf(location: string): string {
  return location.startsWith("file:") ? fileURLToPath(location) : location;
}
