/**
 * Goal: who holds the barrier does not depend on who reads its log. `serve 2>&1 | head -1`, a log shipper that dies and a full disk
 * under the log end neither the processor nor a question to it with a stack. Method: real processes whose pipes are cut off.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MAIN_PATH } from "../../../src/demo/paths.ts";
import type { Workspace } from "../../../src/demo/processor-process.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { tollgate } from "../../support/tollgate-cli.ts";
import { createWorkspace } from "../../support/workspace.ts";

let workspace: Workspace;
let server: ChildProcess;

beforeAll(async () => {
  workspace = await createWorkspace({ governance: "" });
  const config = join(workspace.path, "tollgate.yaml");
  const readyFile = join(workspace.path, "ready.json");
  await writeFile(
    config,
    `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: 127.0.0.1:0 }
storage: { embedded: { endpoint: 127.0.0.1:0 } }
`,
  );
  server = run("serve", "--config", config, "--data-dir", workspace.dataDir, "--ready-file", readyFile);
  server.stdout?.destroy();
  server.stderr?.destroy();
  await waitFor(
    async () => {
      if (server.exitCode !== null) throw new Error(`serve ended with ${server.exitCode}`);
      return readFile(readyFile, "utf8").catch(() => undefined);
    },
    { what: "a processor whose log nobody reads", timeoutMs: 60_000 },
  );
});

afterAll(async () => {
  server.kill("SIGKILL");
  await workspace.remove();
});

/** The built command line, its output in pipes of its own. */
function run(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN_PATH, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

/** Its exit code, and what it said on standard error. */
async function ended(child: ChildProcess): Promise<readonly [number | null, string]> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return [code, stderr];
}

it("a command whose reader has gone ends silently, as `head` expects", async () => {
  const child = run("status", "--data-dir", workspace.dataDir);
  child.stdout?.destroy();
  expect(await ended(child)).toEqual([141, ""]);
});

it("a command that cannot write its answer says so in one line", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [MAIN_PATH, "status", "--data-dir", workspace.dataDir], {
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  const [code, stderr] = await ended(child);
  expect([code, stderr.trimEnd().split("\n").length]).toEqual([1, 1]);
  expect(stderr).toMatch(/^tollgate: cannot write to standard output: .*ENOSPC/);
});

it("a processor whose log nobody reads goes on, logs on, and stops as it should", async () => {
  server.kill("SIGHUP");
  const { code, stdout } = await tollgate(["status", "--json", "--data-dir", workspace.dataDir]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ pid: server.pid });
  server.kill("SIGTERM");
  expect(await once(server, "exit")).toEqual([0, null]);
});
