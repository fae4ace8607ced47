/**
 * Goal: of a packed body, all is read or it is refused: rows that stand behind the end of what a decoder reads must not get lost without
 * a word. Method: the engine's reader of bodies behind a bare HTTP server, by a client that sends in pieces.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readBody } from "../../../src/storage/embedded/request-body.ts";
import { Random } from "../../support/random.ts";

const BODY_BYTES_MAX = 1_200_000;

let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    void contentOf(request).then(
      (content) => response.end(content),
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => server.close());

async function contentOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readBody({ request, isPacked: false, bodyBytesMax: BODY_BYTES_MAX })) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function send(encoding: string, pieces: readonly Buffer[]): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const headers = { "content-encoding": encoding };
  const request = httpRequest({ host: "127.0.0.1", port, method: "POST", headers });
  for (const piece of pieces) await new Promise<void>((resolve) => request.write(piece, () => resolve()));
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
  return `${response.statusCode} ${text}`;
}

const PACKERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync } as const;

it.each(["gzip", "deflate", "br", "zstd"] as const)("%s is read, in one piece or byte by byte", async (encoding) => {
  const packed = PACKERS[encoding](Buffer.from("rows"));
  expect(await send(encoding, [packed])).toBe("200 rows");
  expect(
    await send(
      encoding,
      Array.from(packed, (byte) => Buffer.from([byte])),
    ),
  ).toBe("200 rows");
});

it("a gzip of two members is read to its end", async () => {
  expect(await send("gzip", [Buffer.concat([gzipSync("more "), gzipSync("rows")])])).toBe("200 more rows");
});

it.each([
  ["zstd", zstdCompressSync("rows"), Buffer.from("behind")],
  ["deflate", deflateSync("rows"), Buffer.from("behind")],
  ["br", brotliCompressSync("rows"), Buffer.from("behind")],
])("%s with more behind its end is refused, not cut off", async (encoding, first, behind) => {
  const refusal = /^400 .*(INCORRECT_DATA|behind|Cannot read the body)/;
  expect(await send(encoding, [Buffer.concat([first, behind])])).toMatch(refusal);
  expect(await send(encoding, [first, behind])).toMatch(refusal);
});

it("frames of zstd are all read, wherever the pieces that come end", async () => {
  const frames = [zstdCompressSync("more "), zstdCompressSync("and more "), zstdCompressSync("rows")];
  const whole = Buffer.concat(frames);
  expect(await send("zstd", [whole])).toBe("200 more and more rows");
  expect(await send("zstd", frames)).toBe("200 more and more rows");
  expect(
    await send(
      "zstd",
      Array.from(whole, (byte) => Buffer.from([byte])),
    ),
  ).toBe("200 more and more rows");
});

/** Where a length may be wrong: empty, of one byte, repeated, of several blocks, with and without a checksum, and what is to be skipped. */
it("frames of zstd of every kind are read, cut anywhere", async () => {
  const random = new Random(20_261_122);
  const checksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
  const noise = Buffer.from(Array.from({ length: 300_000 }, () => 33 + Math.floor(random.next() * 90)));
  const texts = [Buffer.of(), Buffer.from("a"), Buffer.alloc(200_000, "b"), noise, Buffer.from("end")];
  const skipped = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frames = texts.flatMap((text) => [zstdCompressSync(text), skipped, zstdCompressSync(text, checksum)]);
  const whole = Buffer.concat(frames);
  const wanted = `200 ${Buffer.concat(texts.flatMap((text) => [text, text])).toString()}`;
  for (const step of [whole.length, 65_537, 1_009]) {
    const pieces = Array.from({ length: Math.ceil(whole.length / step) }, (_, index) =>
      whole.subarray(index * step, (index + 1) * step),
    );
    expect((await send("zstd", pieces)) === wanted, `pieces of ${step}`).toBe(true);
  }
});

it.each([
  ["broken", Buffer.concat([zstdCompressSync("more "), Buffer.from("behind")]), /^400 .*INCORRECT_DATA/],
  ["cut off", Buffer.concat([zstdCompressSync("more "), zstdCompressSync("rows").subarray(0, -2)]), /^400 /],
  [
    "too large together",
    Buffer.concat([zstdCompressSync("a".repeat(900_000)), zstdCompressSync("b".repeat(900_000))]),
    /^400 .*larger/,
  ],
])("frames of zstd that are %s are refused", async (_what, body, refusal) => {
  expect(await send("zstd", [body])).toMatch(refusal);
});
