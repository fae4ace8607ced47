/**
 * Goal: ClickHouse and the shared ledger may stand behind certificates of an authority of one's own, which is named as Node has it
 * (`NODE_EXTRA_CA_CERTS`); where it is not, the start says so, and what arrives meanwhile is kept. Method: real `serve` processes, whose
 * environment that is; a TLS server of Node before a real engine, and a real redis-server with TLS.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { Child } from "../../../src/demo/child-process.ts";
import { MAIN_PATH } from "../../../src/demo/paths.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { type Certificate, createAuthority } from "../../support/certificates.ts";
import { ownPort } from "../../support/own-ports.ts";
import { RedisServer } from "../../support/redis-server.ts";

const TIMEOUT_MS = 60_000;
const HINT = "name its authority's file in `NODE_EXTRA_CA_CERTS`";
const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

const stack = new AsyncDisposableStack();
const authority = createAuthority("tollgate private");
let root: string;
let caFile: string;
let engineUrl: string;
let storage: Storage;
/** Of ClickHouse, with a certificate that holds and with one that is over. */
let urls: { readonly valid: string; readonly expired: string };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tollgate-authority-"));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  caFile = join(root, "ca.pem");
  await writeFile(caFile, authority.cert);
  const engine = new EmbeddedEngine({ dataDir: join(root, "engine") });
  ({ url: engineUrl } = await engine.start());
  stack.defer(() => engine.stop());
  storage = createStorage({ url: engineUrl });
  stack.defer(() => storage.close());
  const [valid, expired] = [authority.issue("store"), authority.issue("store", { isExpired: true })];
  urls = { valid: await startFront(valid), expired: await startFront(expired) };
}, TIMEOUT_MS);
afterAll(() => stack.disposeAsync(), TIMEOUT_MS);

/** TLS before the engine. */
async function startFront(certificate: Certificate): Promise<string> {
  const server: Server = createServer(certificate, (from, to) => {
    const options = { method: from.method ?? "GET", headers: from.headers, path: from.url ?? "/" };
    const onward = request(engineUrl, options, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    from.pipe(onward);
  });
  // Who does not trust it hangs up.
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  stack.defer(async () => void server.close());
  stack.defer(async () => server.closeAllConnections());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Serving {
  readonly child: Child;
  readonly lines: readonly string[];
  /** Where spans go, once it is ready. */
  otlp(): Promise<string>;
}

interface ServeOptions {
  readonly name: string;
  readonly database?: string;
  readonly url?: string;
  readonly ledger?: string;
  readonly isTrusted: boolean;
}

/** `serve` in a directory of this name, which stays from one to the next. */
async function serve({ name, database, url, ledger, isTrusted }: ServeOptions): Promise<Serving> {
  const file = join(root, `${name}.yaml`);
  const readyFile = join(root, `${name}-${String(isTrusted)}.json`);
  const config = [
    'receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:0" }, grpc: { endpoint: "127.0.0.1:0" } } } }',
    'api: { endpoint: "127.0.0.1:0" }',
    url === undefined
      ? 'storage: { embedded: { endpoint: "127.0.0.1:0" } }'
      : `storage: { clickhouse: { url: "${url}", database: ${database} } }`,
    ledger === undefined ? "" : `ledger: { store: valkey, url: "${ledger}", name: ${name} }`,
    "exporters: { clickhouse: { deduplication: { load_timeout_ms: 100 }, drain_timeout_ms: 100 } }",
  ];
  await writeFile(file, config.join("\n"));
  const lines: string[] = [];
  const data = join(root, `data-${name}`);
  const child = new Child({
    args: [MAIN_PATH, "serve", "--config", file, "--data-dir", data, "--ready-file", readyFile],
    env: isTrusted ? { NODE_EXTRA_CA_CERTS: caFile } : {},
    onStderrLine: (line) => lines.push(line),
  });
  onTestFinished(async () => void (await child.end("SIGKILL")));
  const otlp = async (): Promise<string> => {
    const ready = async (): Promise<string | undefined> => {
      if (!child.isRunning) throw new Error(lines.join("\n"));
      const text = await readFile(readyFile, "utf8").catch(() => "");
      return text.endsWith("}\n") ? (JSON.parse(text) as { readonly otlp_http: string }).otlp_http : undefined;
    };
    return waitFor(ready, { what: "the processor", timeoutMs: TIMEOUT_MS });
  };
  return { child, lines, otlp };
}

async function send(url: string, spanId: string): Promise<number> {
  const time = `${Date.now()}000000`;
  const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId, name: "kept", kind: 1, startTimeUnixNano: time };
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, endTimeUnixNano: time }] }] }] };
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/traces`, { method: "POST", headers, body: JSON.stringify(body) });
  await answer.arrayBuffer();
  return answer.status;
}

async function arrived(database: string, spanId: string): Promise<boolean> {
  const sql = `SELECT count() AS there FROM ${database}.span_log WHERE span_id = '${spanId}'`;
  const rows = await storage.query<{ readonly there: string }>(sql).catch(() => []);
  return rows[0]?.there === "1";
}

it("says that ClickHouse's authority is not known, keeps what arrives, and delivers it once it is", async () => {
  const options = { name: "kept", database: "kept", url: urls.valid };
  const first = await serve({ ...options, isTrusted: false });
  const told = (): boolean =>
    first.lines.some((line) => line.includes("ClickHouse cannot be reached") && line.includes(HINT));
  await waitFor(told, { what: "the reason", timeoutMs: TIMEOUT_MS });
  expect(await send(await first.otlp(), "00f067aa0ba902b7")).toBe(200);
  await first.child.stop(TIMEOUT_MS);
  const second = await serve({ ...options, isTrusted: true });
  await waitFor(() => arrived("kept", "00f067aa0ba902b7"), { what: "the span", timeoutMs: TIMEOUT_MS });
  expect(second.lines.filter((line) => line.includes("ClickHouse cannot be reached"))).toEqual([]);
}, 120_000);

it("says of a certificate that is over that it is, also to who knows its authority", async () => {
  const { lines } = await serve({ name: "expired", database: "expired", url: urls.expired, isTrusted: true });
  const told = (): string | undefined => lines.find((line) => line.includes("ClickHouse cannot be reached"));
  const line = await waitFor(told, { what: "the reason", timeoutMs: TIMEOUT_MS });
  expect(line).toContain("certificate has expired");
  expect(line).not.toContain(HINT);
}, 120_000);

it.skipIf(missing !== undefined)(
  "opens a ledger over TLS by a known authority, and by no other",
  async () => {
    const { cert, key } = authority.issue("ledger");
    const [certFile, keyFile, tlsPort] = [join(root, "redis.pem"), join(root, "redis.key"), await ownPort()];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key);
    const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", caFile];
    const tls = ["--tls-port", String(tlsPort), "--tls-auth-clients", "no", ...files];
    const redis = await RedisServer.start(["--appendonly", "yes", "--appendfsync", "always", ...tls]);
    onTestFinished(() => redis.remove());
    const ledger = `rediss://localhost:${tlsPort}`;
    const refused = await serve({ name: "ledger", ledger, isTrusted: false });
    const { code, stderr } = await refused.child.exit;
    expect(code).not.toBe(0);
    expect(stderr).toContain(HINT);
    const opened = await serve({ name: "ledger", ledger, isTrusted: true });
    expect(await send(await opened.otlp(), "00f067aa0ba902b8")).toBe(200);
    expect(await redis.command(["DBSIZE"])).not.toBe(":0\r\n");
  },
  120_000,
);
