/**
 * Goal: one kill stops a fleet over all of its processors, and stays through whatever ends.
 * Method: two real processors over a real redis-server (AOF always), an agent of the instrumentation's own client, control
 * stream and stop gate at each. Kill -9 of both processors and of the store in between.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../instrumentation/src/lease/clock.ts";
import { createHttpTransport } from "../../instrumentation/src/lease/http-transport.ts";
import { LeaseClient } from "../../instrumentation/src/lease/lease-client.ts";
import { StopGate } from "../../instrumentation/src/stop/stop-gate.ts";
import type { ResumeReply, StopReply } from "../../src/api/kill-schemas.ts";
import { createWorkspace, ProcessorProcess, type Workspace } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
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
    const processor = await ProcessorProcess.start({ workspace });
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

async function restart(place: Place): Promise<void> {
  const { workspace, processor } = place;
  place.processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
}

async function acts(place: Place): Promise<readonly (readonly [string, string])[]> {
  const { stops } = await ask<{ stops: readonly { act: string; selector: string }[] }>(place, "/v1/kill");
  return stops.map(({ act, selector }) => [act, selector] as const);
}

function post<Reply>(place: Place, path: string, body: object): Promise<Reply> {
  return ask(place, `/v1/kill${path}`, JSON.stringify(body));
}

async function ask<Reply>({ workspace, processor }: Place, path: string, body?: string): Promise<Reply> {
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const response = await fetch(`${processor.endpoints.api}${path}`, {
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: "POST", body }),
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
