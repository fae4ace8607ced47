/**
 * Goal: two processes share one hard budget through the API: nobody gets what another holds, a recall reaches the holder at
 * once, and 64 callers at a time never get more than there is.
 * Method: the real ledger with its journal, the real server on a free port, requests and the event stream over HTTP.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AcquireReply, AcquireRequest, ControlEvent } from "@tollgate/instrumentation/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Access } from "../../../src/api/access.ts";
import { type Api, createApi } from "../../../src/api/server.ts";
import type { ServiceStatus } from "../../../src/api/status.ts";
import { parseBudget } from "../../../src/budget/budget-document.ts";
import { createLocalLedger } from "../../../src/budget/local/create-local-ledger.ts";
import type { StoredLedger } from "../../../src/budget/ledger-notice.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";
import { SystemClock } from "../../../src/support/clock.ts";
import { StopStore } from "../../../src/kill/stop-store.ts";
import { governanceStores } from "../../support/governance-stores.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";

const LIMIT = 1_000_000n;
const NONE = { nano_usd: "0", tokens: "0", calls: "0" };

let directory = "";
let ledger: StoredLedger;
let api: Api;
let url = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-api-"));
  const reading = parseBudget({ kind: "budget", name: "all", limit: "$0.001", window: "lifetime" });
  if (reading.outcome !== "success") throw new Error("the budget does not parse");
  const clock = new SystemClock();
  ledger = createLocalLedger({ dir: directory, budgets: [reading.budget], clock });
  await ledger.start();
  api = createApi({
    access: new Access({ agentKeys: undefined, peopleToken: "t" }),
    ledger,
    registry: new AgentRegistry({ agents: [], policies: [], prices: [], requirePolicy: false, fingerprint: "" }),
    stops: new StopStore({ file: join(directory, "stops.json"), clock }),
    ...governanceStores(clock),
    store: { rows: async () => [] },
    telemetry: new Telemetry({ write: () => {} }),
    clock,
    leaseTtlMs: 30_000,
    bodyMaxBytes: 262_144,
    version: "0",
    isReady: () => true,
    status: async () => ({}) as ServiceStatus,
  });
  url = `http://127.0.0.1:${await api.listen({ host: "127.0.0.1", port: 0 })}`;
});

afterEach(async () => {
  await api.close();
  await ledger.stop();
  await rm(directory, { recursive: true });
});

async function post(path: string, body: object): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

const processId = (n: number): string => n.toString(16).padStart(32, "0");

async function hello(n: number): Promise<void> {
  const body = { process_id: processId(n), agent: `agent-${n}`, labels: {}, pid: n, version: "0" };
  expect((await post("/v1/leases/hello", body)).status).toBe(200);
}

async function acquire(n: number, change: Partial<AcquireRequest>): Promise<AcquireReply> {
  const reply = await post("/v1/leases/acquire", {
    process_id: processId(n),
    lease_id: processId(1_000 + n),
    seq: 1,
    labels: {},
    settled: NONE,
    need: NONE,
    target: NONE,
    ahead: NONE,
    wait_ms: 0,
    ...change,
  });
  expect(reply.status).toBe(200);
  return (await reply.json()) as AcquireReply;
}

const usd = (nano: bigint): { nano_usd: string; tokens: string; calls: string } => ({
  ...NONE,
  nano_usd: nano.toString(),
});

/** The first event of a type on a process's stream. */
async function nextEvent<T extends ControlEvent["type"]>(stream: Response, type: T): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const data = new RegExp(`event: ${type}\\ndata: (.*)\\n\\n`).exec(text)?.[1];
    if (data !== undefined) return data;
  }
  throw new Error(`the stream ended without ${type}`);
}

it("a recall reaches the process that holds idle money, and what it gives back goes to the one that waits", async () => {
  await hello(1);
  await hello(2);
  expect((await acquire(1, { target: usd(LIMIT) })).granted?.nano_usd).toBe(LIMIT.toString());
  const stream = await fetch(`${url}/v1/control?process_id=${processId(1)}`);
  const waiting = acquire(2, { need: usd(400_000n), target: usd(400_000n), wait_ms: 20_000 });
  const recall = JSON.parse(await nextEvent(stream, "recall")) as { lease_ids: string[] };
  expect(recall.lease_ids).toEqual([processId(1_001)]);
  await acquire(1, { seq: 2, settled: usd(100_000n), target: usd(100_000n) });
  expect(await waiting).toMatchObject({ outcome: "granted", granted: { nano_usd: "400000" } });
});

it("64 callers at once get no more than the budget together, and each gets an answer", async () => {
  const callers = Array.from({ length: 64 }, (_, n) => n + 1);
  await Promise.all(callers.map((n) => hello(n)));
  const share = 30_000n;
  const replies = await Promise.all(callers.map((n) => acquire(n, { need: usd(share), target: usd(share) })));
  const granted = replies.reduce((sum, reply) => sum + BigInt(reply.granted?.nano_usd ?? 0), 0n);
  const refused = replies.filter((reply) => reply.outcome === "exhausted");
  expect(granted).toBeLessThanOrEqual(LIMIT);
  expect(replies.filter((reply) => reply.outcome === "granted")).toHaveLength(33);
  expect(refused).toHaveLength(31);
  expect(refused[0]).toMatchObject({ refused_by: { name: "all", limit: "1000000" } });
});

it("one process cannot use the lease of another", async () => {
  await hello(1);
  await hello(2);
  await acquire(1, { target: usd(1_000n) });
  const reply = await post("/v1/leases/acquire", {
    process_id: processId(2),
    lease_id: processId(1_001),
    seq: 2,
    labels: {},
    settled: usd(1_000n),
    need: NONE,
    target: usd(1_000n),
    ahead: NONE,
    wait_ms: 0,
  });
  expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([409, "lease_lost"]);
  expect(ledger.budgets()[0]?.settled).toBe(0n);
});
