/** Child processes whose end is a promise, and whose last words are kept for the error message. */
import { spawn, type ChildProcess } from "node:child_process";

import { PACKAGE_ROOT } from "./paths.ts";

export interface ChildOptions {
  readonly args: readonly string[];
  /** Added to what this process hands on; `OTEL_*` and `TOLLGATE_*` of this process are not handed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Each line the child writes to stderr. */
  readonly onStderrLine?: (line: string) => void;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The end of it. */
  readonly stderr: string;
}

/** More than any child here has to say; what comes after is dropped from the front. */
const OUTPUT_CHARS_MAX = 1_000_000;

/** Children that run: whatever way this process ends by itself, they end with it. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A Node process of this Node's version, running in the package's root. */
export class Child {
  readonly pid: number;
  /** Resolves when the process has ended and its output is complete. Never rejects. */
  readonly exit: Promise<ChildExit>;
  readonly #process: ChildProcess;

  constructor(options: ChildOptions) {
    this.#process = spawn(process.execPath, options.args, {
      cwd: PACKAGE_ROOT,
      env: { ...inheritedEnvironment(), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.pid = this.#process.pid ?? 0;
    running.add(this.#process);
    this.exit = collect(this.#process, options.onStderrLine);
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Sends a signal and waits for the end. Nothing happens when it has ended already. */
  async end(signal: NodeJS.Signals): Promise<ChildExit> {
    if (this.isRunning) this.#process.kill(signal);
    return this.exit;
  }

  /** SIGTERM, and SIGKILL when the process is still there after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<ChildExit> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), timeoutMs);
    try {
      return await this.end("SIGTERM");
    } finally {
      clearTimeout(timer);
    }
  }
}

function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(OTEL|TOLLGATE|VITEST)(_|$)|^NODE_OPTIONS$/.test(name)),
  );
}

async function collect(child: ChildProcess, onStderrLine?: (line: string) => void): Promise<ChildExit> {
  let stdout = "";
  let stderr = "";
  let line = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout = (stdout + text).slice(-OUTPUT_CHARS_MAX);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-OUTPUT_CHARS_MAX);
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    if (onStderrLine !== undefined) lines.forEach(onStderrLine);
  });
  return new Promise((resolve) => {
    const end = (exit: ChildExit): void => {
      running.delete(child);
      resolve(exit);
    };
    child.once("error", (error) => end({ code: null, signal: null, stdout, stderr: error.message }));
    child.once("close", (code, signal) => end({ code, signal, stdout, stderr }));
  });
}
