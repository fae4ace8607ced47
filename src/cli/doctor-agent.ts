/** Runs an agent with a probe in each of its Node processes and threads, and tells which libraries are gated. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEnvironment } from "../config/environment.ts";
import type { Check } from "./doctor.ts";
import { CliError, EXIT } from "./exit.ts";

/** What the probe writes; shapes in instrumentation/src/probe/watch.ts. */
interface ProcessFinding {
  readonly pid: number;
  readonly thread: number;
  readonly script: string;
  readonly node: string;
  readonly isWatched: boolean;
  readonly isRegistered: boolean;
  readonly libraries: readonly Library[];
  readonly bundled: readonly { readonly name: string; readonly location: string }[];
}

interface Library {
  readonly name: string;
  readonly version: string;
  readonly location: string;
  readonly isPatched: boolean;
  readonly system: "ESM" | "CommonJS" | "";
}

const REGISTER = "start it with `node --import @tollgate/instrumentation/register …`";
const KILL_AFTER_MS = 5_000;

export async function examineAgent(agent: {
  readonly file: string;
  readonly args: readonly string[];
  /** `undefined`: until it ends by itself. */
  readonly seconds: number | undefined;
}): Promise<readonly Check[]> {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-doctor-"));
  try {
    const file = join(folder, "findings.jsonl");
    const ended = await run(agent, file);
    const findings = readFindings(file);
    const end: Check = { check: "agent", state: ended.isFine ? "fine" : "note", detail: ended.text, fix: "" };
    return [end, ...(findings.length === 0 ? [UNSEEN] : findings.flatMap(checksOf))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const UNSEEN: Check = {
  check: "probe",
  state: "finding",
  detail: "no Node process told what it has loaded",
  fix: "is it Node, does it keep NODE_OPTIONS, and does it end by itself or by SIGTERM?",
};

function run(
  {
    file,
    args,
    seconds,
  }: { readonly file: string; readonly args: readonly string[]; readonly seconds: number | undefined },
  findings: string,
): Promise<{ readonly isFine: boolean; readonly text: string }> {
  const probe = import.meta.resolve("@tollgate/instrumentation/doctor");
  const { all } = readEnvironment();
  const options = all["NODE_OPTIONS"] === undefined ? "" : `${all["NODE_OPTIONS"]} `;
  const env = { ...all, NODE_OPTIONS: `${options}--import=${probe}`, TOLLGATE_DOCTOR: findings };
  // What the agent says is not what the doctor says.
  const child = spawn(file, args, { env, stdio: ["inherit", 2, 2] });
  const timers: NodeJS.Timeout[] = [];
  if (seconds !== undefined) {
    timers.push(setTimeout(() => child.kill("SIGTERM"), seconds * 1_000));
    timers.push(setTimeout(() => child.kill("SIGKILL"), seconds * 1_000 + KILL_AFTER_MS));
  }
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new CliError(EXIT.usage, `cannot run \`${file}\`: ${error.message}`)));
    child.once("close", (code, signal) => {
      for (const timer of timers) clearTimeout(timer);
      resolve({ isFine: code === 0, text: signal === null ? `ended with code ${code}` : `ended by ${signal}` });
    });
  });
}

function readFindings(file: string): readonly ProcessFinding[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ProcessFinding);
}

function checksOf(finding: ProcessFinding): readonly Check[] {
  const { pid, thread, script, isRegistered, isWatched, libraries, bundled, node } = finding;
  const who = `${script === "" ? "node" : script} (${pid}${thread === 0 ? "" : `, thread ${thread}`})`;
  const checks: Check[] = [];
  const usesModels = libraries.length + bundled.length > 0;
  checks.push({
    check: who,
    state: isRegistered ? "fine" : usesModels ? "finding" : "note",
    detail: isRegistered ? `registered, Node ${node}` : `not registered, Node ${node}`,
    fix: isRegistered ? "" : REGISTER,
  });
  if (!isWatched) {
    const detail = `Node ${node} shows no files: only what the gate itself has seen is told`;
    checks.push({ check: who, state: "note", detail, fix: "" });
  }
  for (const library of libraries) checks.push(checkOf(library, isRegistered));
  for (const { name, location } of bundled) {
    checks.push({
      check: name,
      state: "finding",
      detail: `a copy is bundled into ${pathOf(location)}: its calls are gated on the wire only, its tools not at all`,
      fix: `keep it out of the bundle (esbuild \`--external:${name}\`, webpack \`externals\`), or wrap its client in \`guard(client)\``,
    });
  }
  return checks;
}

function checkOf({ name, version, location, isPatched, system }: Library, isRegistered: boolean): Check {
  const check = version === "" ? name : `${name}@${version}`;
  const kind = system === "" ? "" : `${system}, `;
  const where = location === "" ? "seen by its calls only" : pathOf(location);
  if (isPatched) return { check, state: "fine", detail: `gated (${kind}${where})`, fix: "" };
  return {
    check,
    state: "finding",
    detail: `NOT gated (${kind}${where})`,
    fix: fixOf({ name, location }, isRegistered),
  };
}

function fixOf({ name, location }: Pick<Library, "name" | "location">, isRegistered: boolean): string {
  if (!isRegistered) return REGISTER;
  if (location === "") return `keep ${name} out of the bundle, or wrap its client in \`guard(client)\``;
  return `it was loaded before the gate, or has a shape that the gate does not know: ${REGISTER}; use a supported version`;
}

function pathOf(location: string): string {
  return location.startsWith("file:") ? fileURLToPath(location) : location;
}
