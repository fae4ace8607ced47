/**
 * The policies of TOLLGATE_POLICY while the process runs. A file that changes is read again, at most once a second and only
 * when a tool is decided on; one that is not right leaves the last good one in force, and the log says so.
 */
import { statSync } from "node:fs";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import { compilePolicy } from "../policy/decide.ts";
import type { Logger } from "./logger.ts";
import { readPolicyFile } from "./policy-file.ts";

const LOOK_EVERY_MS = 1_000;

export class LocalPolicies {
  readonly #path: string | undefined;
  readonly #logger: Logger;
  #policies: readonly CompiledPolicy[] = [];
  #problems: readonly string[] = [];
  #stamp = "";
  #lookedAtMs = 0;
  #isGood = false;

  constructor(path: string | undefined, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
    if (path === undefined) return;
    this.#stamp = stampOf(path);
    this.#lookedAtMs = performance.now();
    this.#read(path);
  }

  get policies(): readonly CompiledPolicy[] {
    this.#look();
    return this.#policies;
  }

  /** Not empty: the file was never right, and no tool may run. */
  get problems(): readonly string[] {
    this.#look();
    return this.#problems;
  }

  #look(): void {
    const path = this.#path;
    const nowMs = path === undefined ? 0 : performance.now();
    if (path === undefined || nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    const stamp = stampOf(path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#read(path);
  }

  #read(path: string): void {
    const { policies, problems } = readPolicyFile(path);
    if (problems.length === 0) {
      if (this.#isGood) this.#logger.log("info", `TOLLGATE_POLICY: \`${path}\` changed and is in force`);
      this.#policies = policies.map((document) => compilePolicy(document));
      this.#problems = [];
      this.#isGood = true;
      return;
    }
    const consequence = this.#isGood ? "the last good version stays in force" : "tools are refused until this is right";
    for (const problem of problems) this.#logger.log("error", `${problem}: ${consequence}`);
    if (!this.#isGood) this.#problems = problems;
  }
}

/** Changes when the file does. */
function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}:${size}:${ino}`;
  } catch {
    return "absent";
  }
}
