/**
 * Goal: at a start, people are told what is wrong, and nothing when nothing is: tables that take their time on a busy machine are no trouble.
 * Method: the store against a server that holds its answers, or is not there, by a clock that stands still until it is moved.
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { ClickhouseStore } from "../../../src/service/clickhouse-store.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** As long as a start waits, and as an answer may take that needs no work. */
const START_MS = 4_000;
const QUESTION_MS = 10_000;

const cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
});

const RETENTION = { spans: 24, events: 24, spend: 24, byLabel: [] } as const;

async function holdingServer() {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(async () => void server.close());
  const letGo = (): void => {
    for (const response of held.splice(0)) response.destroy();
  };
  cleanup.push(async () => letGo());
  return { port: (server.address() as AddressInfo).port, held, letGo };
}

/** Started, with `told` growing as it tells. */
function startStore(port: number) {
  const clock = new ManualClock();
  const told: string[] = [];
  const failed = Promise.withResolvers<void>();
  const write = (line: string): void => {
    const { event, level } = JSON.parse(line) as { event: string; level: string };
    if (event === "migration_failed") failed.resolve();
    if (level !== "debug") told.push(event);
  };
  const store = new ClickhouseStore({
    server: {
      kind: "clickhouse",
      user: { username: "default", password: "" },
      readOnlyUser: undefined,
      closeReads: () => {},
      url: () => `http://127.0.0.1:${port}`,
      start: async () => {},
      stop: async () => {},
    },
    database: "tollgate",
    tables: { cluster: undefined, retention: RETENTION },
    clock,
    telemetry: new Telemetry({ level: "debug", encoding: "json", write }),
  });
  cleanup.push(() => store.stop());
  return { clock, store, told, failed: failed.promise, started: store.start() };
}

it("says of a ClickHouse that takes its time that it is being set up, and no more, also when it is left in that", async () => {
  const { port, held, letGo } = await holdingServer();
  const { clock, store, told, failed, started } = startStore(port);
  await expect.poll(() => held.length).toBe(1);
  clock.advance(START_MS);
  await started;
  expect(told).toEqual(["storage_preparing"]);
  const stopped = store.stop();
  letGo();
  await Promise.all([stopped, failed]);
  expect(told).toEqual(["storage_preparing"]);
});

it("says once that it cannot be reached when it fails, before the start is over or after", async () => {
  const { port, held, letGo } = await holdingServer();
  const late = startStore(port);
  await expect.poll(() => held.length).toBe(1);
  late.clock.advance(START_MS);
  await late.started;
  letGo();
  await expect.poll(() => late.told).toEqual(["storage_preparing", "storage_unavailable"]);

  const early = startStore(port);
  await expect.poll(() => held.length).toBe(1);
  letGo();
  await early.failed;
  early.clock.advance(START_MS);
  await early.started;
  expect(early.told).toEqual(["storage_unavailable"]);
});

it("gives a server up that takes a question and never answers, one question at a time", async () => {
  const { port, held } = await holdingServer();
  const { clock, told, started } = startStore(port);
  await expect.poll(() => held.length).toBe(1);
  clock.advance(START_MS);
  await started;
  clock.advance(START_MS);
  expect(held).toHaveLength(1);
  clock.advance(QUESTION_MS);
  await expect.poll(() => told).toEqual(["storage_preparing", "storage_unavailable"]);
});
