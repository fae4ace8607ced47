/**
 * Calls back when a known SDK's client module has been evaluated, in ESM and in CommonJS, by adding one line to its end
 * while it is loaded. Because prototypes are patched in place, nothing of a module's exports has to be replaced: no proxies
 * around namespaces, no parsing of the app's modules, and each copy of a package is caught wherever it lies, also when it is
 * imported by an inner path. Files that are none of ours pass untouched.
 *
 * Node from 22.22.3, 24.11.1, 25.1 and 26 has synchronous hooks that see both module systems. Before those, `import` is
 * seen by a hook on a loader thread and `require` by `Module.prototype._compile`.
 */
import { existsSync } from "node:fs";
import module from "node:module";
import { sep } from "node:path";
import { pathToFileURL } from "node:url";
import { appendReport, LOADED, REPORT_MARK, withReport } from "./loaded-report.ts";
import { exportedClass, findSdkFile, SDK_FILES } from "./sdk-files.ts";
import type { SdkFile } from "./sdk-files.ts";
import { fileBeside, importByNode, requireFrom } from "../own-package.ts";

export type OnLoaded = (file: SdkFile, clientClass: unknown, location: string) => void;

interface CompilingModule {
  _compile: (this: LoadedModule, content: string, file: string, ...rest: unknown[]) => unknown;
}

interface LoadedModule {
  readonly loaded: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
}

const reported = new Set<string>();

/** Bun has none of the hooks, though it calls itself a Node that has: there, classes are patched in what is loaded ahead of the app. */
export const CAN_HOOK = process.versions["bun"] === undefined;

/** Absent on Bun and Deno. `--no-require-module`, an option that programs of before ES modules are run with, switches it off. */
export const CAN_REQUIRE_ESM = process.features.require_module !== false;

/** Whether a process starts with doors only (front.ts), behind which the rest is required. Deno crashes when a hook loads modules. */
export const HAS_FRONT =
  CAN_HOOK && CAN_REQUIRE_ESM && process.versions["deno"] === undefined && hasSyncHooks(process.versions.node);

/** Whether a module, by its path, was seen as it was loaded: each module system has its own names. */
export function hasReported(path: string): boolean {
  return reported.has(path) || reported.has(pathToFileURL(path).href);
}

/** Whether any module below a folder was whose file ends so. */
export function hasReportedIn(folder: string, ending: string): boolean {
  const beginnings = [`${folder}${sep}`, `${pathToFileURL(folder).href}/`];
  const isThere = (location: string): boolean => beginnings.some((beginning) => location.startsWith(beginning));
  return [...reported].some((location) => location.endsWith(ending) && isThere(location));
}

/** Whether somebody has loaded a module of Node's own, by its name without `node:`. */
export function isBuiltinLoaded(name: string): boolean {
  // Not in the types.
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList.includes(`NativeModule ${name}`);
}

let listener: OnLoaded | undefined;
let whenNeeded: (() => void) | undefined;
const onResolved: ((specifier: string, url: string) => void)[] = [];
let isHooked = false;
/** While set, what is not loaded yet does not load. */
let isOnlyLooking = false;

/** Installs the hooks, and calls back for what `require` has loaded before. */
export function hookModules(onLoaded: OnLoaded): void {
  listener = onLoaded;
  if (!CAN_HOOK) return;
  const wasHooked = isHooked;
  if (!wasHooked) {
    install();
    const thread = fileBeside(import.meta.url, "./loader-thread.js");
    // In a bundle there is no such file: what is imported later is gated on the wire.
    if (!hasSyncHooks(process.versions.node) && thread !== undefined && existsSync(thread)) module.register(thread);
  }
  reportCached(onLoaded, { wasHooked });
}

/** Hooks before there is a gate: `open` is called when a known library has been evaluated, and has to hook it (`hookModules`). */
export function onNeeded(open: () => void): void {
  whenNeeded = open;
  install();
}

/** Tells of each module before it is loaded; only where hooks are synchronous. */
export function watchResolve(resolved: (specifier: string, url: string) => void): void {
  onResolved.push(resolved);
}

class NotLoaded extends Error {}

/**
 * What a module exports if it is loaded, or being loaded; `undefined` for one that is not, which stays so. Node asks the hooks for a
 * module that it does not have, at once and in this turn, and forgets one that they refuse: whoever imports it next loads it.
 * Where hooks are not synchronous it is loaded.
 */
export async function importLoaded(url: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  let loading: Promise<Readonly<Record<string, unknown>>>;
  isOnlyLooking = true;
  try {
    loading = importByNode(url);
  } finally {
    isOnlyLooking = false;
  }
  try {
    return await loading;
  } catch (problem) {
    if (problem instanceof NotLoaded) return undefined;
    throw problem;
  }
}

function install(): void {
  isHooked = true;
  const report = (name: unknown, clientClass: unknown, location: unknown): void => {
    reported.add(String(location));
    const file = SDK_FILES.find((candidate) => candidate.name === name);
    if (file === undefined) return;
    if (listener === undefined) whenNeeded?.();
    listener?.(file, clientClass, String(location));
  };
  Object.defineProperty(globalThis, LOADED, { value: report, configurable: true });
  hookCompile(report);
  hookBuiltins();
  if (!hasSyncHooks(process.versions.node)) return;
  module.registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const result = nextResolve(specifier, context);
      for (const resolved of onResolved) resolved(specifier, result.url);
      return result;
    },
    load: (url, context, nextLoad) => {
      if (isOnlyLooking) throw new NotLoaded();
      const file = findSdkFile(url);
      return file === undefined ? nextLoad(url, context) : appendReport(file, url, nextLoad(url, context));
    },
  });
}

/** Node's own modules, without its hooks. */
function hookBuiltins(): void {
  const getBuiltinModule = process.getBuiltinModule.bind(process) as (id: string) => unknown;
  let isTelling = false;
  const told = (id: string): unknown => {
    if (!isTelling) {
      isTelling = true;
      for (const resolved of onResolved) resolved(id, id);
      isTelling = false;
    }
    return getBuiltinModule(id);
  };
  process.getBuiltinModule = told as typeof process.getBuiltinModule;
}

/** CommonJS that Node's own hooks do not see: older versions, and loaders that compile by themselves (tsx). */
function hookCompile(report: (name: string, loaded: unknown, location: string) => void): void {
  const prototype = module.prototype as unknown as CompilingModule;
  const compile = prototype._compile;
  prototype._compile = function (content, location, ...rest) {
    const file = findSdkFile(location);
    const isNone = file === undefined || file.contains?.test(content) === false;
    if (isNone || content.includes(REPORT_MARK)) return compile.call(this, content, location, ...rest);
    const isReporting = file.functions !== undefined;
    const text = isReporting ? withReport(file, location, { text: content, isCommonJs: true }) : content;
    const result = compile.call(this, text, location, ...rest);
    if (!isReporting) report(file.name, exportedClass(file, this.exports), location);
    return result;
  };
}

/** `wasHooked`: only what a preload before ours has loaded was not seen; its functions are out of reach. */
function reportCached(onLoaded: OnLoaded, { wasHooked }: { readonly wasHooked: boolean }): void {
  const { cache } = requireFrom(import.meta.url);
  const told = new Set<string>();
  for (const [location, loaded] of Object.entries(cache)) {
    const file = findSdkFile(location);
    const { exports, loaded: isWhole } = (loaded ?? {}) as Partial<LoadedModule>;
    // What is being loaded right now reports at its end.
    if (file === undefined || exports === undefined || isWhole !== true) continue;
    if (wasHooked && file.functions !== undefined) continue;
    if (hasReported(location)) continue;
    // Which of the package's files has the places can't be told any more: all of it came too early.
    if (file.contains !== undefined && told.has(file.name)) continue;
    const owner = exportedClass(file, exports);
    // Of a class it can be told.
    if (file.contains !== undefined && file.functions === undefined && owner === undefined) continue;
    told.add(file.name);
    reported.add(location);
    onLoaded(file, owner, location);
  }
}

/** Versions in which hooks may pass on CommonJS that they did not read (nodejs/node#59929). */
export function hasSyncHooks(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major >= 26) return true;
  if (major === 25) return minor >= 1;
  if (major === 24) return minor > 11 || (minor === 11 && patch >= 1);
  return major === 22 && (minor > 22 || (minor === 22 && patch >= 3));
}
