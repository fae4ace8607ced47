/**
 * Goal: of a packed body, all is read or it is refused: rows that stand behind the end of what a decoder reads must not get lost without
 * a word. Method: the engine's reader of bodies behind a bare HTTP server, by a client that sends in pieces.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readBody } from "../../../src/storage/embedded/request-body.ts";

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
  for await (const piece of readBody({ request, isPacked: false, bodyBytesMax: 1_000_000 })) pieces.push(piece);
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

it("frames of zstd are all read where they come apart, and refused where they come in one piece", async () => {
  const frames = [zstdCompressSync("more "), zstdCompressSync("rows")];
  expect(await send("zstd", [Buffer.concat(frames)])).toMatch(/^400 .*behind/);
  expect(["200 more rows", "400"]).toContain((await send("zstd", frames)).replace(/^400.*/s, "400"));
});
