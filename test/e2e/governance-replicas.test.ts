/**
 * Goal: one kill stops a fleet over all of its processors, and stays through whatever ends; an approval, a key, a change are
 * the same at all of them, and so are the documents in force and what sessions have read. Method: two real processors over a real redis-server (AOF always), an agent of the instrumentation's own client, control
 * stream and stop gate at each. Kill -9 of both processors and of the store in between.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../instrumentation/src/lease/clock.ts";
import { createHttpTransport } from "../../instrumentation/src/lease/http-transport.ts";
import { LeaseClient } from "../../instrumentation/src/lease/lease-client.ts";
import { DEFAULT_LABEL_ORDER } from "../../instrumentation/src/policy/label.ts";
import { SessionBook } from "../../instrumentation/src/session/session-book.ts";
import { StopGate } from "../../instrumentation/src/stop/stop-gate.ts";
import type { ResumeReply, StopReply } from "../../src/api/kill-schemas.ts";
import { ProcessorProcess, type Workspace } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { ownEndpoints } from "../support/own-ports.ts";
import { RedisServer } from "../support/redis-server.ts";

const TIMEOUT_MS = 60_000;
const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

interface Place {
  readonly workspace: Workspace;
  processor: ProcessorProcess;
  isOpen(): boolean;
}

const stack = new AsyncDisposableStack();
const places: Place[] = [];
let store: RedisServer;

beforeAll(async () => {
  if (missing !== undefined) return;
  store = await RedisServer.start();
  stack.defer(() => store.remove());
  const config = `ledger: { store: valkey, url: "${store.url}" }\n`;
  for (const name of ["shop-1", "shop-2"]) {
    const workspace = await createWorkspace({ governance: "", config });
    stack.defer(() => workspace.remove());
    const processor = await ProcessorProcess.start({ workspace, at: await ownEndpoints() });
    const place: Place = { workspace, processor, isOpen: await connect(name, processor.endpoints.api) };
    stack.defer(() => place.processor.kill());
    places.push(place);
  }
}, TIMEOUT_MS);
afterAll(() => stack.disposeAsync(), TIMEOUT_MS);

test.skipIf(missing !== undefined)(
  "a kill sent to one processor reaches the agents of all, and stays through restarts of all and of their store",
  async () => {
    const [first, second] = places as [Place, Place];
    const killed = await post<StopReply>(first, "", { selector: "shop-*", reason: "runs wild" });
    expect(killed).toMatchObject({
      durable: true,
      everywhere: true,
      processors: { told: 1, answered: 1 },
      listening: 2,
      acknowledged: 2,
    });
    expect(new Set(killed.processes.map(({ agent }) => agent))).toEqual(new Set(["shop-1", "shop-2"]));
    expect(killed.processes.every(({ acknowledged }) => acknowledged)).toBe(true);
    expect(places.map((place) => place.isOpen())).toEqual([false, false]);

    await Promise.all([store.kill(), ...places.map(({ processor }) => processor.kill())]);
    await store.run();
    await Promise.all(places.map((place) => restart(place)));
    expect(await acts(first)).toEqual([["kill", "agent=shop-*"]]);
    expect(await acts(second)).toEqual([["kill", "agent=shop-*"]]);
    expect(places.map((place) => place.isOpen())).toEqual([false, false]);
    await post<ResumeReply>(second, "/resume", { selector: "shop-*" });
    await waitFor(() => places.every((place) => place.isOpen()), { what: "resumption", timeoutMs: TIMEOUT_MS });

    await store.kill();
    const alone = await post<StopReply>(second, "", { selector: "shop-*", act: "pause", wait_ms: 0 });
    expect(alone).toMatchObject({ durable: true, everywhere: false });
    await waitFor(() => !second.isOpen(), { what: "the pause where it was made", timeoutMs: TIMEOUT_MS });
    expect(first.isOpen()).toBe(true);
    await store.run();
    await waitFor(() => !first.isOpen(), { what: "the pause everywhere", timeoutMs: TIMEOUT_MS });

    await store.command(["FLUSHALL"]);
    await waitFor(async () => (await store.command(["EXISTS", "{tollgate:tollgate}:record"])).startsWith(":1"), {
      what: "the record that the processors put back",
      timeoutMs: TIMEOUT_MS,
    });
    expect(await acts(first)).toEqual([["pause", "agent=shop-*"]]);
    expect(await acts(second)).toEqual([["pause", "agent=shop-*"]]);
  },
  3 * TIMEOUT_MS,
);

test.skipIf(missing !== undefined)(
  "an approval asked at one processor is answered at another, and used once, through kill -9 of either",
  async () => {
    const [first, second] = places as [Place, Place];
    const act = { agent: "editor", session: "s-1", tool: "write_file", arguments: { path: "a.txt" } };
    const wanted = { ...act, policy: "files", policy_version: "1", rule: "write_*", reason: "asks" };
    const asked = await ask<Asked>(first, "/v1/approvals", wanted);
    expect(await ask<Asked>(second, "/v1/approvals", wanted)).toEqual(asked);
    const { id, act_digest } = asked;
    await first.processor.kill();
    expect(await ask<Asked>(second, `/v1/approvals/${id}/approve`, {})).toMatchObject({ state: "approved" });
    await restart(first);
    const use = { act_digest, use_id: "0".repeat(32) };
    expect(await ask<Asked>(first, `/v1/approvals/${id}/use`, use)).toMatchObject({ state: "consumed" });
    await second.processor.kill();
    await restart(second);
    await expect(ask(second, `/v1/approvals/${id}/use`, { ...use, use_id: "1".repeat(32) })).rejects.toThrow(
      "it is consumed",
    );
    const { changes } = await ask<Recorded>(second, "/v1/audit/changes?action=approval");
    expect(changes.map(({ action }) => action)).toEqual(["approval.use", "approval.approve"]);
  },
  TIMEOUT_MS,
);

test.skipIf(missing !== undefined)(
  "a key issued at one processor is good at all, and revoked at any good at none",
  async () => {
    const [first, second] = places as [Place, Place];
    const issued = await ask<Key>(first, "/v1/credentials", { kind: "agent", name: "planner" });
    await waitFor(async () => (await statusAs(second, issued.secret)) === 200, {
      what: "the key",
      timeoutMs: TIMEOUT_MS,
    });
    expect(await statusAs(second, undefined)).toBe(403);
    await ask(second, `/v1/credentials/${issued.id}/revoke`, {});
    await waitFor(async () => (await statusAs(first, issued.secret)) === 401, {
      what: "its end",
      timeoutMs: TIMEOUT_MS,
    });
    await store.command(["FLUSHALL"]);
    const rows = "{tollgate:tollgate}:table:credentials:rows";
    const isBack = async (): Promise<boolean> => (await store.command(["HLEN", rows])).startsWith(":1");
    await waitFor(isBack, { what: "what the copies hold", timeoutMs: TIMEOUT_MS });
    expect(await Promise.all(places.map((place) => statusAs(place, issued.secret)))).toEqual([401, 401]);
  },
  TIMEOUT_MS,
);

test.skipIf(missing !== undefined)(
  "what is applied at one processor is in force at all, also at one that was down, whose files it does not come back to",
  async () => {
    const [first, second] = places as [Place, Place];
    const budget = { kind: "budget", name: "applied", limit: "$7.00", window: "day" };
    const policy = { kind: "policy", name: "no-drops", default: "allow", deny: ["drop_*"] };
    const documents = [budget, policy].map((document) => ({ document }));
    const made = await ask<Version>(first, "/v1/governance", { documents });
    expect(made).toMatchObject({ outcome: "applied" });
    await waitFor(async () => (await ask<Version>(second, "/v1/governance")).version === made.version, {
      what: "the set at the other processor",
      timeoutMs: TIMEOUT_MS,
    });
    await second.processor.kill();
    const changed = [{ document: { ...budget, limit: "$9.00" } }, { document: policy }];
    const next = await ask<Version>(first, "/v1/governance", { documents: changed, expected_version: made.version });
    await restart(second);
    expect(await ask<Version>(second, "/v1/governance")).toMatchObject({ version: next.version, source: "applied" });
    const limits = places.map(async (place) => {
      const { budgets } = await ask<Budgets>(place, "/v1/budgets");
      return budgets.map(({ name, limit_usd }) => [name, limit_usd]);
    });
    expect(await Promise.all(limits)).toEqual([[["applied", "9.000000000"]], [["applied", "9.000000000"]]]);
  },
  TIMEOUT_MS,
);

test.skipIf(missing !== undefined)(
  "what a process at one processor has read limits those of its session at another",
  async () => {
    const [first, second] = places as [Place, Place];
    const rule = {
      name: "no-exfiltration",
      effect: "forbid",
      tools: ["send_*"],
      when: 'session.label >= label("confidential")',
    };
    const document = { kind: "policy", name: "sessions", default: "allow", rules: [rule] };
    const { version } = await ask<Version>(first, "/v1/governance", { documents: [{ document }] });
    await waitFor(async () => (await ask<Version>(second, "/v1/governance")).version === version, {
      what: "the policy",
      timeoutMs: TIMEOUT_MS,
    });
    const [reader, sender] = [await joinSession("reader", first), await joinSession("sender", second)];
    expect(sender.label()).toBe("public");
    reader.book.of("s-1").read(["confidential"]);
    await waitFor(() => sender.label() === "confidential", { what: "the label", timeoutMs: TIMEOUT_MS });
    const send = { agent: "python", session: "s-1", tool: "send_mail", arguments: {} };
    expect(await ask(second, "/v1/decisions", send)).toMatchObject({ decision: "forbid", rule: "no-exfiltration" });
  },
  TIMEOUT_MS,
);

interface Version {
  readonly version: string;
}

interface Budgets {
  readonly budgets: readonly { readonly name: string; readonly limit_usd: string }[];
}

/** A process that has joined the session `s-1`, without rules of its own. */
async function joinSession(agent: string, { processor }: Place) {
  const book = new SessionBook();
  const client = new LeaseClient({
    transport: createHttpTransport({ endpoint: new URL(processor.endpoints.api), apiKey: undefined }),
    clock: systemClock,
    logger: { log: () => {}, once: () => {} },
    introduction: { agent, labels: {}, version: "test" },
    expectsProcessor: true,
    onHello: () => {},
  });
  client.sessions.bind(book);
  await client.start();
  stack.defer(() => client.close());
  expect(await client.sessions.join("s-1")).toBe(true);
  const label = () => book.of("s-1").facts(DEFAULT_LABEL_ORDER, { tool: "x", digest: "" }).label;
  return { book, label };
}

async function restart(place: Place): Promise<void> {
  const { workspace, processor } = place;
  place.processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
}

async function acts(place: Place): Promise<readonly (readonly [string, string])[]> {
  const { stops } = await ask<{ stops: readonly { act: string; selector: string }[] }>(place, "/v1/kill");
  return stops.map(({ act, selector }) => [act, selector] as const);
}

interface Asked {
  readonly id: string;
  readonly act_digest: string;
}

interface Recorded {
  readonly changes: readonly { readonly action: string }[];
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

/** What an agent `planner` with that key is answered. */
async function statusAs({ processor }: Place, key: string | undefined): Promise<number> {
  const { status, body } = await fetch(`${processor.endpoints.api}/v1/decisions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ agent: "planner", session: "s", tool: "look", arguments: {} }),
  });
  await body?.cancel();
  return status;
}

function post<Reply>(place: Place, path: string, body: object): Promise<Reply> {
  return ask(place, `/v1/kill${path}`, body);
}

async function ask<Reply>({ workspace, processor }: Place, path: string, body?: object): Promise<Reply> {
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const response = await fetch(`${processor.endpoints.api}${path}`, {
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Reply;
}

/** An agent that is connected; resolves to whether its gate is open. */
async function connect(agent: string, api: string): Promise<() => boolean> {
  const caller = { agent, labels: { agent } };
  const openCalls = new Set<never>();
  const gate = new StopGate({ clock: systemClock, pauseWaitMs: 0, processLabels: () => caller.labels, openCalls });
  const client = new LeaseClient({
    transport: createHttpTransport({ endpoint: new URL(api), apiKey: undefined }),
    clock: systemClock,
    logger: { log: () => {}, once: () => {} },
    introduction: { agent, labels: {}, version: "test" },
    expectsProcessor: true,
    onHello: () => {},
    onStops: (stops) => gate.onStops(stops),
  });
  await client.start();
  stack.defer(() => client.close());
  return () => gate.isOpen(caller);
}
