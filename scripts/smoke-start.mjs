/**
 * Proves `npm start` as a user meets it, from whatever Node started npm: the processor gets ready, takes a span over
 * OTLP/HTTP, answers it back from ClickHouse, and stops with exit code 0. Plain JavaScript, because the machine's own Node runs it.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const DEADLINE_MS = 120_000;
const POLL_MS = 50;
const SPAN_NAME = "smoke";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tollgate-smoke-"));
const readyFile = join(folder, "ready.json");
const configFile = join(folder, "tollgate.yaml");
writeFileSync(
  configFile,
  `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: 127.0.0.1:0 }
storage: { embedded: { endpoint: 127.0.0.1:0 } }
`,
);

const startedMs = Date.now();
const args = ["start", "--", "--config", configFile, "--data-dir", join(folder, "data"), "--ready-file", readyFile];
const child = spawn("npm", args, { cwd: root, stdio: "inherit", detached: true });
const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
let stopping = false;
void exited.then((how) => {
  if (!stopping) fail(`npm start ended by itself: ${how}`);
});

function fail(reason) {
  console.error(`smoke: ${reason}`);
  try {
    if (child.pid !== undefined) process.kill(0 - child.pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
  process.exit(1);
}

/** Polls a condition of another process until it holds; the deadline is the whole script's. */
async function until(what, probe) {
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() - startedMs > DEADLINE_MS) fail(`${what} did not happen within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

await until("ready", () => existsSync(readyFile));
const readyMs = Date.now() - startedMs;
const ready = JSON.parse(readFileSync(readyFile, "utf8"));
const health = await fetch(new URL("/readyz", ready.api));
if (health.status !== 200) fail(`/readyz answers ${health.status}`);

const nowNano = `${Date.now()}000000`;
const span = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  name: SPAN_NAME,
  kind: 1,
  startTimeUnixNano: nowNano,
  endTimeUnixNano: nowNano,
};
const sent = await fetch(new URL("/v1/traces", ready.otlp_http), {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [span] }] }] }),
});
if (sent.status !== 200) fail(`OTLP answers ${sent.status}: ${await sent.text()}`);
await until("the span in ClickHouse", async () => {
  const asked = spawn(
    "npx",
    [
      "tollgate",
      "sql",
      `SELECT name FROM spans WHERE name = '${SPAN_NAME}'`,
      "--json",
      "--data-dir",
      join(folder, "data"),
    ],
    { cwd: root },
  );
  let text = "";
  let complaint = "";
  asked.stdout.on("data", (chunk) => (text += chunk));
  asked.stderr.on("data", (chunk) => (complaint += chunk));
  const code = await new Promise((resolve) => asked.once("close", resolve));
  // A command that cannot run will not run the next time either; waiting would hide why.
  if (code !== 0) fail(`npx tollgate sql ended with ${code}: ${complaint.trim()}`);
  return text.includes(SPAN_NAME);
});

stopping = true;
process.kill(ready.pid, "SIGTERM");
const how = await exited;
rmSync(folder, { recursive: true, force: true });
if (how !== 0) fail(`stopped with ${how} instead of exit code 0`);
console.log(
  `smoke: npm start from Node ${process.version}: ready after ${readyMs} ms (build included), one span in and out, stopped with 0`,
);
