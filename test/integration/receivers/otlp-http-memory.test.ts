/**
 * Goal: what bodies may hold together is what they hold in memory, not what came over the network: a body of a few kilobytes may be megabytes
 * once it is unpacked, and a thousand senders of such are a thousand times that. Method: the real receiver, whose consumer answers when it is told.
 */
import { promisify } from "node:util";
import { deflate, gzip, gzipSync, zstdCompress, zstdCompressSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const PACKERS = { gzip: promisify(gzip), deflate: promisify(deflate), zstd: promisify(zstdCompress) } as const;
const TEXT_BYTES = 1_000_000;

afterEach(stopReceivers);

function post(rig: Rig, body: Uint8Array<ArrayBuffer>, coding: string): Promise<Response> {
  const headers = { "content-type": "application/json", "content-encoding": coding };
  return fetch(`${rig.receiver.httpUrl}/v1/traces`, { method: "POST", headers, body });
}

/** A request with one span, of more than twice `TEXT_BYTES`. */
function longRequest(): string {
  const [traceId, spanId] = ["5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"];
  const span = { traceId, spanId, name: "n".repeat(TEXT_BYTES), traceState: "s".repeat(TEXT_BYTES) };
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
}

it.each(["gzip", "deflate", "zstd"] as const)("counts what a body of %s is unpacked to", async (coding) => {
  const answer = Promise.withResolvers<Outcome>();
  const rig = await startReceiver({
    http: { pending_max_bytes: 3 * TEXT_BYTES },
    outcome: () => answer.promise,
  });
  const body = Uint8Array.from(await PACKERS[coding](longRequest()));
  expect(body.length).toBeLessThan(TEXT_BYTES / 100);
  const first = post(rig, body, coding);
  while (rig.batches.length === 0) await new Promise(setImmediate);
  const second = await Promise.race([post(rig, body, coding), untilBatches(rig, 2)]);
  expect(second).toMatchObject({ status: 503 });
  answer.resolve(SUCCESS);
  expect((await first).status).toBe(200);
  expect((await post(rig, body, coding)).status).toBe(200);
});

/** Resolves when so many batches came through: then nothing held them up. */
async function untilBatches(rig: Rig, count: number): Promise<string> {
  while (rig.batches.length < count) await new Promise(setImmediate);
  return `${count} batches are held at once`;
}

it("unpacks a gzip of several members, of which the last says how long it is itself", async () => {
  const rig = await startReceiver();
  const text = longRequest();
  const body = Uint8Array.from(Buffer.concat([gzipSync(text.slice(0, -2)), gzipSync(text.slice(-2))]));
  expect((await post(rig, body, "gzip")).status).toBe(200);
  expect(rig.batches[0]?.spans[0]?.name).toHaveLength(TEXT_BYTES);
});

/** A frame that holds nothing of the content: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2 */
const SKIPPABLE = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);

it.each([
  ["two frames", (text: string) => [zstdCompressSync(text.slice(0, 50)), zstdCompressSync(text.slice(50))]],
  ["a skippable frame before", (text: string) => [SKIPPABLE, zstdCompressSync(text)]],
  [
    "a skippable frame behind, and an empty one",
    (text: string) => [zstdCompressSync(text), SKIPPABLE, zstdCompressSync("")],
  ],
])("reads a body of zstd to its end, %s", async (_what, framesOf) => {
  const rig = await startReceiver();
  const body = Uint8Array.from(Buffer.concat(framesOf(longRequest())));
  expect((await post(rig, body, "zstd")).status).toBe(200);
  expect(rig.batches[0]?.spans[0]?.name).toHaveLength(TEXT_BYTES);
});

it.each([
  ["what is no frame behind one", [zstdCompressSync("{}"), Buffer.from("more")], 400],
  ["more frames than anybody makes", [...Array.from({ length: 2_000 }, () => SKIPPABLE), zstdCompressSync("{}")], 400],
  [
    "frames that are too large together",
    Array.from({ length: 3 }, () => zstdCompressSync(" ".repeat(TEXT_BYTES))),
    413,
  ],
])("refuses a body of zstd with %s", async (_what, frames, status) => {
  const rig = await startReceiver({ http: { max_request_body_size: 2 * TEXT_BYTES } });
  expect((await post(rig, Uint8Array.from(Buffer.concat(frames)), "zstd")).status).toBe(status);
});
