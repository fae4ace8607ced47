/**
 * Child processes and worker threads that this process starts get its registration and context. Everything asynchronous
 * (`spawn`, `exec`, `execFile`, `fork`, `cluster`) goes through one method of `ChildProcess`, which is patched in place, so
 * that it does not matter when the app got hold of its functions; the synchronous ones and `Worker` are replaced in their
 * modules. A failure of ours is contained: the child starts as the app wanted it.
 */
import childProcess from "node:child_process";
import { existsSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "@opentelemetry/api";
import { processEnvironment } from "../config/config.ts";
import type { Config, Environment } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import { isRegistration } from "../config/start-settings.ts";
import { currentContext, currentlyCarried } from "../context/context.ts";
import type { ThreadSpans } from "../telemetry/thread-spans.ts";
import { childEnvironment } from "./child-environment.ts";
import type { Parent } from "./child-environment.ts";
import { hookWorkers } from "./hook-workers.ts";
import { fileBeside } from "../own-package.ts";

/** Not the app's to see: for the process's own helpers. */
export const plainSpawnSync = childProcess.spawnSync;

/** A child that is about to start. */
export interface StartedChild {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
}

interface SpawnOptions {
  readonly file?: unknown;
  readonly args?: unknown;
  envPairs?: unknown;
}

type AnyFunction = (this: unknown, ...args: readonly unknown[]) => unknown;

const HOOKED = Symbol.for("tollgate.children");
/** What runs scripts: a child of theirs may be Node, and gets their environment. */
const RUNS_NODE = /^(?:node|nodejs|npm|npx|pnpm|yarn|tsx|sh|bash|dash|zsh|cmd|powershell|pwsh|env)(?:\.exe|\.cmd)?$/i;
const NODE_SCRIPT = /\.[cm]?[jt]s$|[/\\]node_modules[/\\]\.bin[/\\]/;

/** What a child is to be given that is started in another way than by this module. */
type Added = (child: StartedChild) => Readonly<Record<string, string>> | undefined;

export interface ChildrenOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** What the process was started with. */
  readonly settings: Environment;
  readonly threadSpans: ThreadSpans;
}

export function hookChildren(options: ChildrenOptions): Added {
  const { logger } = options;
  const hook = new ChildHook(options);
  const prototype = childProcess.ChildProcess.prototype as unknown as { spawn: AnyFunction; [HOOKED]?: true };
  const added: Added = (child) => hook.added(child);
  if (prototype[HOOKED] === true) return added;
  Object.defineProperty(prototype, HOOKED, { value: true });
  const { spawn } = prototype;
  prototype.spawn = function (options, ...rest) {
    hook.prepare(options as SpawnOptions);
    return spawn.call(this, options, ...rest);
  };
  for (const name of ["spawnSync", "execFileSync", "execSync"] as const) hook.wrapSync(name);
  hookWorkers({
    parent: () => hook.parent(),
    threadSpans: options.threadSpans,
    report: () => {
      logger.once(
        "warn",
        "children:thread",
        "worker threads are not gated by a bundled gate: keep this package external, or let what they run register itself",
      );
    },
    reportText: () => {
      logger.once(
        "warn",
        "children:text",
        "a worker thread that runs code given as text (`eval: true`) is not gated by a bundled gate: put the code into a file",
      );
    },
    contain: (problem) => hook.contain(problem),
  });
  syncBuiltinESMExports();
  return added;
}

class ChildHook {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #settings: Environment;
  readonly #registerUrl: string | undefined;

  constructor({ config, logger, settings }: Omit<ChildrenOptions, "threadSpans">) {
    this.#config = config;
    this.#logger = logger;
    this.#settings = settings;
    const file = fileBeside(import.meta.url, "../register.js");
    // In a bundle there is no such file, and a child that can't find it would not start.
    this.#registerUrl = file !== undefined && existsSync(fileURLToPath(file)) ? `${file.href}?inherited` : undefined;
  }

  parent(): Parent {
    return {
      env: processEnvironment(),
      settings: this.#settings,
      registerUrl: this.#registerUrl,
      context: currentContext(),
      carried: currentlyCarried(this.#config.context),
      active: context.active(),
    };
  }

  /** Of the options that all asynchronous ways to start a child end in. */
  prepare(options: SpawnOptions): void {
    try {
      if (typeof options.file !== "string" || !Array.isArray(options.envPairs)) return;
      const pairs = options.envPairs.filter((pair) => typeof pair === "string");
      const env = Object.fromEntries(pairs.map((pair) => splitPair(pair)));
      const args = Array.isArray(options.args) ? options.args.map(String) : [];
      const added = this.added({ file: options.file, args, env });
      if (added === undefined) return;
      const kept = pairs.filter((pair) => added[splitPair(pair)[0]] === undefined);
      options.envPairs = [...kept, ...Object.entries(added).map(([name, value]) => `${name}=${value}`)];
    } catch (problem) {
      this.contain(problem);
    }
  }

  wrapSync(name: "spawnSync" | "execFileSync" | "execSync"): void {
    const module = childProcess as unknown as Record<string, AnyFunction>;
    const original = module[name];
    if (original === undefined) return;
    const prepare = (args: readonly unknown[]): readonly unknown[] => this.#prepareSync(name === "execSync", args);
    const wrapped: AnyFunction = function (this: unknown, ...args) {
      return original.apply(this, prepare(args) as unknown[]);
    };
    Object.defineProperty(wrapped, "name", { value: name, configurable: true });
    module[name] = wrapped;
  }

  /** `(file, args?, options?)`, or `(command, options?)` for one that goes through a shell. */
  #prepareSync(isCommand: boolean, given: readonly unknown[]): readonly unknown[] {
    try {
      const [file, second, third] = given;
      const args = !isCommand && Array.isArray(second) ? second.map(String) : [];
      const hasArgs = !isCommand && Array.isArray(second);
      const options = (hasArgs ? third : (second ?? third)) as { readonly env?: Environment } | undefined;
      const env = options?.env ?? processEnvironment();
      const added = this.added({ file: isCommand ? "sh" : String(file), args, env });
      if (added === undefined) return given;
      const prepared = { ...options, env: { ...env, ...added } };
      return hasArgs ? [file, second, prepared] : isCommand ? [file, prepared] : [file, [], prepared];
    } catch (problem) {
      this.contain(problem);
      return given;
    }
  }

  /** The variables to set for it. */
  added({ file, args, env }: StartedChild): Readonly<Record<string, string>> | undefined {
    const isRegistered = args.some(isRegistration);
    const added = childEnvironment(this.parent(), { env, isRegistered });
    const name = basename(file);
    if (added === undefined) {
      this.#logger.once(
        "warn",
        "children:replaced",
        `\`${name}\` was started with an environment of its own, without TOLLGATE_*: it does not inherit the gate (said once; hand the parent's on if it should)`,
      );
    } else if (this.#registerUrl === undefined) {
      this.#logger.once(
        "warn",
        "children:bundled",
        "child processes are not gated: this package is bundled into the app; keep it external, or start them with --import @tollgate/instrumentation/register",
      );
    } else if (!mayRunNode(file)) {
      this.#logger.once(
        "warn",
        "children:foreign",
        `child processes that are not Node are not gated (the first is \`${name}\`): what they call is not counted unless they ask /v1/reservations`,
      );
    }
    return added;
  }

  contain(problem: unknown): void {
    this.#logger.once("error", "children:failed", `a child process could not be given the gate: ${String(problem)}`);
  }
}

function mayRunNode(file: string): boolean {
  const name = basename(file);
  return RUNS_NODE.test(name) || name === basename(process.execPath) || NODE_SCRIPT.test(file);
}

function splitPair(pair: string): readonly [string, string] {
  // Windows has hidden variables whose names begin with `=`.
  const split = pair.indexOf("=", 1);
  return split < 0 ? [pair, ""] : [pair.slice(0, split), pair.slice(split + 1)];
}
