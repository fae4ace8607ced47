/** Goal: figures reach an OTLP backend in time, with its headers, and a backend that is away costs nothing but a notice. */
import { once } from "node:events";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../../../src/demo/wait.ts";
import { serviceSection } from "../../../src/config/sections.ts";
import { MetricsPush } from "../../../src/service/metrics-push.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

interface Pushed {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const clock = new ManualClock();
const pushed: Pushed[] = [];
let status: number;
let lines: string[];
let telemetry: Telemetry;
let server: Server;
let push: MetricsPush;

beforeEach(async () => {
  status = 200;
  lines = [];
  pushed.length = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      pushed.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/otlp`;
  const config = serviceSection.parse({
    telemetry: { metrics: { otlp: { endpoint, interval_ms: 10_000, headers: { "x-key": "k" } } } },
  }).telemetry.metrics.otlp;
  if (config === undefined) throw new Error("the config is gone");
  telemetry = new Telemetry({ write: (line) => lines.push(line) });
  push = new MetricsPush({ config, clock, telemetry });
  await push.start();
});

afterEach(async () => {
  await push.stop();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

const arrived = (count: number): Promise<true> =>
  waitFor(() => pushed.length >= count || undefined, { what: `${count} requests`, timeoutMs: 60_000, intervalMs: 5 });

it("sends every interval, and once more at the stop", async () => {
  telemetry.emit("service_ready");
  clock.advance(9_999);
  expect(pushed).toEqual([]);
  clock.advance(1);
  await arrived(1);
  await push.stop();
  expect(pushed).toHaveLength(2);
  expect(pushed[0]).toMatchObject({
    path: "/otlp/v1/metrics",
    headers: { "x-key": "k", "content-type": "application/json" },
  });
  expect(pushed[0]?.body).toContain("tollgate_events_total");
});

it("says once a minute that a backend does not take them, and goes on", async () => {
  status = 503;
  clock.advance(10_000);
  await waitFor(() => lines.length === 1 || undefined, { what: "the notice", timeoutMs: 60_000, intervalMs: 5 });
  clock.advance(10_000);
  await arrived(2);
  await push.stop();
  expect(lines).toEqual([expect.stringContaining("HTTP 503")]);
  expect(pushed).toHaveLength(2);
});
