/**
 * Worker threads. A thread has modules of its own, and so a gate of its own; it shares the environment or has a copy of it,
 * so who it works for goes by `setEnvironmentData`, which a thread finds however it was started.
 */
import { fileURLToPath } from "node:url";
import workerThreads from "node:worker_threads";
import type { Worker as WorkerThread, WorkerOptions } from "node:worker_threads";
import { THREAD_CONTEXT, threadContext } from "../config/config.ts";
import { contextVariables } from "./child-environment.ts";
import type { Parent } from "./child-environment.ts";
import { isRegistration } from "../config/start-settings.ts";
import type { ThreadSpans } from "../telemetry/thread-spans.ts";
import { HAS_FRONT } from "./module-hooks.ts";
import { fileBeside } from "../own-package.ts";

export interface WorkerHook {
  readonly parent: () => Parent;
  readonly threadSpans: ThreadSpans;
  /** There is no file to register the thread with. */
  readonly report: () => void;
  /** As `report`, of a thread that runs code given as text. */
  readonly reportText: () => void;
  /** An exception of our own: the thread starts as the app wanted it. */
  readonly contain: (problem: unknown) => void;
}

export function hookWorkers(hook: WorkerHook): void {
  const { Worker } = workerThreads;
  workerThreads.Worker = new Proxy(Worker, {
    construct(target, [file, options]: [string | URL, WorkerOptions | undefined], newTarget) {
      const own = threadContext();
      try {
        const prepared = prepare(hook, options);
        const code = options?.eval === true && prepared !== options ? registeredText(String(file)) : file;
        const start = (given: WorkerOptions | undefined): WorkerThread =>
          Reflect.construct(target, [code, given], newTarget) as WorkerThread;
        hook.threadSpans.listen();
        const worker = prepared === options ? start(options) : startRegistered(start, prepared ?? {});
        hook.threadSpans.watch(worker);
        return worker;
      } finally {
        workerThreads.setEnvironmentData(THREAD_CONTEXT, own);
      }
    },
  });
}

function prepare(hook: WorkerHook, options: WorkerOptions | undefined): WorkerOptions | undefined {
  try {
    const parent = hook.parent();
    const given = options?.env;
    const env = typeof given === "object" ? given : parent.env;
    const isRegistered = [...(options?.execArgv ?? process.execArgv), env["NODE_OPTIONS"] ?? ""].some(isRegistration);
    workerThreads.setEnvironmentData(THREAD_CONTEXT, contextVariables(parent, env));
    if (options?.eval === true) {
      if (parent.registerUrl !== undefined) return { ...options };
      hook.reportText();
      return options;
    }
    if (isRegistered) return options;
    if (parent.registerUrl === undefined) {
      hook.report();
      return options;
    }
    return { ...options, execArgv: [...(options?.execArgv ?? process.execArgv), "--import", parent.registerUrl] };
  } catch (problem) {
    hook.contain(problem);
    return options;
  }
}

const DIRECTIVE = /^(?:\s|\/\/[^\n]*\n|\/\*[^]*?\*\/)*(?:"use strict"|'use strict')/;

/**
 * Node loads nothing before code that is given as text, so the text itself begins with the gate, on its first line. What it
 * imports as ES modules is loaded before that all the same: calls of those libraries are gated on the wire.
 */
function registeredText(code: string): string {
  const file = fileBeside(import.meta.url, HAS_FRONT ? FRONT : GATE);
  const entry = file === undefined ? "" : fileURLToPath(file);
  const call = HAS_FRONT ? "installFront()" : "registerTollgate({isPreload:true})";
  const path = JSON.stringify(entry);
  const register = `process.getBuiltinModule("node:module").createRequire(${path})(${path}).${call}`;
  const isStrict = DIRECTIVE.test(code) ? '"use strict";' : "";
  return `${isStrict}globalThis.fetch?.[Symbol.for("tollgate.fetch")]===true||${register};${code}`;
}

const FRONT = "./front.js";
const GATE = "./register-tollgate.js";

/**
 * A thread inherits flags of the process that it would refuse when they are written out (`--max-old-space-size`), and to add
 * one, all have to be written out: the refused ones are left out, they hold for the whole process anyway.
 */
function startRegistered(start: (options: WorkerOptions) => WorkerThread, options: WorkerOptions): WorkerThread {
  try {
    return start(options);
  } catch (error) {
    const refused = refusedFlags(error);
    if (refused === undefined) throw error;
    return start({ ...options, execArgv: withoutFlags(options.execArgv ?? [], refused) });
  }
}

function refusedFlags(error: unknown): ReadonlySet<string> | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_WORKER_INVALID_EXEC_ARGV")
    return undefined;
  return new Set(error.message.slice(error.message.indexOf(": ") + 2).split(", "));
}

/** A flag whose value is an argument of its own goes with it. */
function withoutFlags(args: readonly string[], refused: ReadonlySet<string>): string[] {
  return args.filter((arg, index) => {
    const before = args[index - 1];
    const isItsValue = !arg.startsWith("-") && before !== undefined && refused.has(before) && !before.includes("=");
    return !refused.has(arg) && !isItsValue;
  });
}
