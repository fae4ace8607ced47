/**
 * What `--import`, or an app that registers itself (in-app.ts), puts into a process at its start: doors, and nothing behind them.
 * The gate itself (some 250 files with OpenTelemetry's) is loaded, synchronously, when something first comes to a door: a known library
 * has been evaluated, a request is about to be sent, a child is about to start, or the app loads OpenTelemetry or this package. So a
 * process that does none of that pays next to nothing, and no call is made before the gate is there.
 *
 * Only where Node has synchronous module hooks; older versions load the gate at once.
 */
import childProcess from "node:child_process";
import module, { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import workerThreads from "node:worker_threads";
import { isFirstPreload, startSettings } from "../config/start-settings.ts";
import type { providersAtStart } from "../config/providers.ts";
import type { gatedFetch } from "../wire/hook-fetch.ts";
import type { isOfProvider } from "../wire/providers.ts";
import { watchSockets } from "../wire/watch-sockets.ts";
import { watchWebSocket } from "../wire/hook-websocket.ts";
import { sessionPrototype } from "../wire/http2-sessions.ts";
import { watchDestinations } from "../wire/http-destination.ts";
import { watchUndici } from "../wire/watch-undici.ts";
import { isBuiltinLoaded, onNeeded, watchResolve } from "./module-hooks.ts";
import { findSdkFile } from "./sdk-files.ts";
import type { registerTollgate, Registration } from "./register-tollgate.ts";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, AnyFunction>;

/** As `fetch` in hook-fetch.ts has it: it is the gate's own. */
const FETCH = Symbol.for("tollgate.fetch");
const SYNC_STARTS = ["spawnSync", "execFileSync", "execSync"] as const;
const DOOR = "door";
/** How the module is asked for. */
const IS_HTTP2 = /^(?:node:)?http2$/;
/** As Node's own copy of undici has it. */
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const SENDS = ["write", "end", "flushHeaders"] as const;

/** By another name than its own: what traces files for Next.js fails where two functions have a `require` of theirs. */
const load = module.createRequire(import.meta.url);

/** The app's next word may need the gate when it names one of these. */
const WANTS_GATE = /^(?:@opentelemetry|@tollgate)\/|[/\\](?:@opentelemetry|@tollgate)[/\\]/;

/** What is loaded later. */
interface Behind {
  readonly registerTollgate: typeof registerTollgate;
  readonly gatedFetch: typeof gatedFetch;
  readonly isOfProvider: typeof isOfProvider;
  readonly providersAtStart: typeof providersAtStart;
}

export interface Front {
  /** The gate of this process, once it is loaded. */
  readonly registration: Registration | undefined;
  /** Loads the gate. `undefined` while that is under way: it is asked for by what it loads. */
  open(): Registration | undefined;
}

export interface FrontOptions {
  /** In an app that registers itself: the module of ours that the app has loaded already, by its URL. */
  readonly entry?: string;
  /** Whether all that is loaded has been seen as it was loaded. @default it has: nothing of the app's ran before */
  readonly hasSeenAll?: () => boolean;
}

let installed: Front | undefined;

/** The front of this process, if it has one. */
export function installedFront(): Front | undefined {
  return installed;
}

/** Puts the doors in their places. Once; later calls return the same. */
export function installFront({ entry, hasSeenAll = () => true }: FrontOptions = {}): Front {
  if (installed !== undefined) return installed;
  const restores: (() => void)[] = [];
  const own = new URL("..", import.meta.url).href;
  const settings = startSettings();
  let registration: Registration | undefined;
  let isOpening = false;
  const open = (): Registration | undefined => {
    if (registration !== undefined || isOpening) return registration;
    isOpening = true;
    for (const restore of restores.splice(0)) restore();
    const { registerTollgate: register } = load("./register-tollgate.js") as Pick<Behind, "registerTollgate">;
    const { gatedFetch: gated } = load("../wire/hook-fetch.js") as Pick<Behind, "gatedFetch">;
    registration = register({ isPreload: entry === undefined, hasSeenAll: hasSeenAll(), settings });
    front.fetch = gated(original, { isLast: true });
    return registration;
  };
  const original = globalThis.fetch;
  const front: { fetch: typeof globalThis.fetch | undefined } = { fetch: undefined };
  installed = {
    get registration() {
      return registration;
    },
    open,
  };
  frontFetch(() => {
    open();
    // While the gate itself is being loaded.
    return front.fetch ?? original;
  });
  frontRequests(open, restores);
  let isLooking = false;
  const wants = (url: URL): boolean => {
    isLooking = true;
    try {
      return leadsToProvider(url, settings);
    } finally {
      isLooking = false;
    }
  };
  watchSockets({ wants, beforeBytes: open });
  frontChildren(open, restores);
  frontReplacement(open, restores);
  watchWebSocket({
    // What loads undici may be the gate itself, as it opens: a door in there would stay, and lead to the gate and back.
    loaded: () => {
      if (!isOpening) frontDispatcher(open, restores);
    },
    beforeMake: open,
  });
  // For who took Node's `fetch` before. Its door is there before it sends.
  if (!isFirstPreload()) watchUndici((dispatcher) => frontDispatcher(open, restores, dispatcher));
  onNeeded(open);
  const mayOpen = (location: string): boolean =>
    entry === undefined || (location !== entry && location !== fileURLToPath(entry));
  // By a preload before this one, or by the app.
  const loaded = Object.keys(load.cache).filter(mayOpen);
  if (loaded.some((path) => WANTS_GATE.test(path) || findSdkFile(path) !== undefined)) {
    open();
    return installed;
  }
  if (isBuiltinLoaded("http2")) {
    frontSessions(open, restores);
    frontHttp2(open, restores);
  }
  watchResolve((specifier, url) => {
    // While it opens, the gate puts its own in there.
    if (!isOpening && IS_HTTP2.test(specifier)) frontHttp2(open, restores);
    if (!isOpening && !isLooking && mayOpen(url) && (WANTS_GATE.test(specifier) || url.startsWith(own))) open();
  });
  return installed;
}

/** Stays in its place for good: who took it, comes to the gate by it. */
function frontFetch(current: () => typeof globalThis.fetch): void {
  if (typeof globalThis.fetch !== "function") return;
  const fetch: typeof globalThis.fetch = (input, init) => current()(input, init);
  Object.defineProperty(fetch, "name", { value: "fetch", configurable: true });
  Object.defineProperty(fetch, "length", { value: globalThis.fetch.length, configurable: true });
  Object.defineProperty(fetch, FETCH, { value: true });
  Object.defineProperty(globalThis, "fetch", { value: fetch, writable: true, configurable: true, enumerable: true });
}

function frontRequests(open: () => void, restores: (() => void)[]): void {
  // Not imported: the module's namespace would read its lazy members, and load undici for them.
  const { ClientRequest } = process.getBuiltinModule("node:http");
  const prototype = ClientRequest.prototype as unknown as Methods;
  // A request is made before it is sent.
  watchDestinations();
  for (const name of SENDS) {
    const before = Object.getOwnPropertyDescriptor(prototype, name);
    replace(prototype, name, function (...args) {
      open();
      return prototype[name]?.apply(this, args);
    });
    restores.push(() => {
      if (before === undefined) Reflect.deleteProperty(prototype, name);
      else Object.defineProperty(prototype, name, before);
    });
  }
}

/** The table is loaded for the first socket of a process: requests have come to a door before theirs is opened. */
function leadsToProvider(url: URL, settings: Readonly<Record<string, string | undefined>>): boolean {
  const providers = load("../wire/providers.js") as Pick<Behind, "isOfProvider">;
  const { providersAtStart: read } = load("../config/providers.js") as Pick<Behind, "providersAtStart">;
  return providers.isOfProvider(url, read(settings));
}

/** Undici is there, and `WebSocket` of it is sent by this. */
function frontDispatcher(
  open: () => void,
  restores: (() => void)[],
  dispatcher = (globalThis as Readonly<Record<symbol, unknown>>)[DISPATCHER] as object | undefined,
): void {
  let owner = dispatcher ?? null;
  while (owner !== null && !Object.hasOwn(owner, "dispatch")) owner = Object.getPrototypeOf(owner) as object | null;
  const methods = owner as { dispatch?: AnyFunction } | null;
  const dispatch = methods?.dispatch;
  if (methods === null || dispatch === undefined || dispatch.name === DOOR) return;
  const door: AnyFunction = function (...args) {
    open();
    return methods.dispatch?.apply(this, args);
  };
  Object.defineProperty(door, "name", { value: DOOR, configurable: true });
  methods.dispatch = door;
  restores.push(() => {
    methods.dispatch = dispatch;
  });
}

/** The module is heavy: it has a door from the moment on that somebody loads it. */
function frontHttp2(open: () => void, restores: (() => void)[]): void {
  const http2 = process.getBuiltinModule("node:http2") as unknown as Methods;
  const { connect } = http2;
  if (connect === undefined || connect.name === DOOR) return;
  const door: AnyFunction = function (...args) {
    open();
    return http2["connect"]?.apply(this, args);
  };
  Object.defineProperty(door, "name", { value: DOOR, configurable: true });
  http2["connect"] = door;
  restores.push(() => {
    http2["connect"] = connect;
    syncBuiltinESMExports();
  });
  syncBuiltinESMExports();
}

/** Somebody may hold `connect` already, or a session. */
function frontSessions(open: () => void, restores: (() => void)[]): void {
  const prototype = sessionPrototype() as Methods | undefined;
  const request = prototype?.["request"];
  if (prototype === undefined || request === undefined) return;
  replace(prototype, "request", function (...args) {
    open();
    return prototype["request"]?.apply(this, args);
  });
  restores.push(() => replace(prototype, "request", request));
}

function frontReplacement(open: () => void, restores: (() => void)[]): void {
  const execve = process.execve?.bind(process);
  // Not on Windows, nor on older versions.
  if (execve === undefined) return;
  process.execve = (...args) => {
    open();
    return process.execve?.(...args) as never;
  };
  restores.push(() => {
    process.execve = execve;
  });
}

function frontChildren(open: () => void, restores: (() => void)[]): void {
  const prototype = childProcess.ChildProcess.prototype as unknown as Methods;
  const functions = childProcess as unknown as Methods;
  const threads = workerThreads as unknown as { Worker: typeof workerThreads.Worker };
  const { spawn } = prototype;
  const { Worker } = threads;
  if (spawn === undefined) return;
  replace(prototype, "spawn", function (...args) {
    open();
    return prototype["spawn"]?.apply(this, args);
  });
  restores.push(() => replace(prototype, "spawn", spawn));
  for (const name of SYNC_STARTS) {
    const before = functions[name];
    if (before === undefined) continue;
    replace(functions, name, function (...args) {
      open();
      return functions[name]?.apply(this, args);
    });
    restores.push(() => {
      functions[name] = before;
    });
  }
  threads.Worker = new Proxy(Worker, {
    construct(_target, args: unknown[], newTarget) {
      open();
      return Reflect.construct(threads.Worker, args, newTarget) as object;
    },
  });
  restores.push(() => {
    threads.Worker = Worker;
    syncBuiltinESMExports();
  });
  syncBuiltinESMExports();
}

function replace(target: Methods, name: string, value: AnyFunction): void {
  Object.defineProperty(value, "name", { value: name, configurable: true });
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
}
