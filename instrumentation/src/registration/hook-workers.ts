/**
 * Worker threads. A thread has modules of its own, and so a gate of its own; it shares the environment or has a copy of it,
 * so who it works for goes by `setEnvironmentData`, which a thread finds however it was started.
 */
import workerThreads from "node:worker_threads";
import type { WorkerOptions } from "node:worker_threads";
import { THREAD_CONTEXT, threadContext } from "../config/config.ts";
import { childEnvironment, contextVariables, isRegistration } from "./child-environment.ts";
import type { Parent } from "./child-environment.ts";

export interface WorkerHook {
  readonly parent: () => Parent;
  /** The thread's environment was replaced on purpose. */
  readonly report: () => void;
  /** The thread runs code given as text: Node loads nothing before that, so it can't be registered. */
  readonly reportText: () => void;
  /** An exception of our own: the thread starts as the app wanted it. */
  readonly contain: (problem: unknown) => void;
}

export function hookWorkers(hook: WorkerHook): void {
  const { Worker } = workerThreads;
  workerThreads.Worker = new Proxy(Worker, {
    construct(target, [file, options]: [string | URL, WorkerOptions | undefined], newTarget) {
      const own = threadContext();
      const start = (given: WorkerOptions | undefined): object =>
        Reflect.construct(target, [file, given], newTarget) as object;
      try {
        const prepared = prepare(hook, options);
        return prepared === options ? start(options) : startRegistered(start, prepared ?? {});
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
    if (childEnvironment(parent, { env, isRegistered }) === undefined) {
      hook.report();
      return options;
    }
    workerThreads.setEnvironmentData(THREAD_CONTEXT, contextVariables(parent, env));
    if (options?.eval === true) {
      hook.reportText();
      return options;
    }
    if (isRegistered || parent.registerUrl === undefined) return options;
    return { ...options, execArgv: [...(options?.execArgv ?? process.execArgv), "--import", parent.registerUrl] };
  } catch (problem) {
    hook.contain(problem);
    return options;
  }
}

/**
 * A thread inherits flags of the process that it would refuse when they are written out (`--max-old-space-size`), and to add
 * one, all have to be written out: the refused ones are left out, they hold for the whole process anyway.
 */
function startRegistered(start: (options: WorkerOptions) => object, options: WorkerOptions): object {
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
