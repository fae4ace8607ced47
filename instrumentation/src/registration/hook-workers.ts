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
}

export function hookWorkers(hook: WorkerHook): void {
  const { Worker } = workerThreads;
  workerThreads.Worker = new Proxy(Worker, {
    construct(target, [file, options]: [string | URL, WorkerOptions | undefined], newTarget) {
      const own = threadContext();
      try {
        return Reflect.construct(target, [file, prepare(hook, options)], newTarget) as object;
      } finally {
        workerThreads.setEnvironmentData(THREAD_CONTEXT, own);
      }
    },
  });
}

function prepare(hook: WorkerHook, options: WorkerOptions | undefined): WorkerOptions | undefined {
  const parent = hook.parent();
  const given = options?.env;
  const env = typeof given === "object" ? given : parent.env;
  const isRegistered = [...(options?.execArgv ?? process.execArgv), env["NODE_OPTIONS"] ?? ""].some(isRegistration);
  if (childEnvironment(parent, { env, isRegistered }) === undefined) {
    hook.report();
    return options;
  }
  workerThreads.setEnvironmentData(THREAD_CONTEXT, contextVariables(parent, env));
  if (isRegistered || parent.registerUrl === undefined) return options;
  return { ...options, execArgv: [...(options?.execArgv ?? process.execArgv), "--import", parent.registerUrl] };
}
