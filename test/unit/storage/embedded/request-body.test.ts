import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRequest } from "../../../../src/storage/embedded/request-body.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const QUERY = "INSERT INTO spans FORMAT Native";
/** So much of a request is held while its statement is looked for. */
const HEAD_BYTES = 256 * 1024;

let directory: string;
let dataPath: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "request-body-"));
  dataPath = join(directory, "data");
});

afterEach(() => rm(directory, { recursive: true }));

test("insert data is in its file byte for byte, in whatever pieces it comes", async () => {
  const random = seededRandom(1);
  for (const lengths of [[], [1], [3_000_000], [HEAD_BYTES, 1], [1_048_576, 1_048_576], pieces(random, 200)]) {
    const chunks = lengths.map((length) => bytesOf(random, length));
    const sent = Buffer.concat(chunks);
    const { statement } = await readRequest({ body: arriving(chunks), query: QUERY, dataPath });
    expect(statement.kind).toBe("insert-data");
    expect((await readFile(dataPath)).equals(sent)).toBe(true);
    expect((await stat(dataPath)).mode & 0o777).toBe(0o600);
    await rm(dataPath);
  }
});

test("memory of what was written is given back at once, but for memory that is shared", async () => {
  const own = Array.from({ length: 12 }, () => Buffer.alloc(65_536, 1));
  const large = Buffer.alloc(10_000, 2);
  const part = large.subarray(5_000);
  await readRequest({ body: arriving([Buffer.alloc(HEAD_BYTES), ...own, part]), query: QUERY, dataPath });
  expect(own.map(({ buffer }) => buffer.byteLength)).toEqual(own.map(() => 0));
  expect(part.equals(Buffer.alloc(5_000, 2))).toBe(true);
  expect((await stat(dataPath)).size).toBe(HEAD_BYTES + 12 * 65_536 + 5_000);
});

test("a sender that goes away in the midst of its data ends the request", async () => {
  const gone = (async function* (): AsyncGenerator<Buffer> {
    yield* arriving([Buffer.alloc(HEAD_BYTES), Buffer.alloc(2_000_000)]);
    throw new Error("the client closed the connection");
  })();
  await expect(readRequest({ body: gone, query: QUERY, dataPath })).rejects.toThrow("the client closed the connection");
});

test("a file that can't be written ends the request, and the sender is let go", async () => {
  let isLetGo = false;
  const body = (async function* (): AsyncGenerator<Buffer> {
    try {
      for (;;) yield Buffer.alloc(65_536);
    } finally {
      isLetGo = true;
    }
  })();
  const request = readRequest({ body, query: QUERY, dataPath: join(directory, "missing", "data") });
  await expect(request).rejects.toThrow("ENOENT");
  expect(isLetGo).toBe(true);
});

async function* arriving(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

function pieces(random: () => number, count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * 70_000));
}

function bytesOf(random: () => number, length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, () => Math.floor(random() * 256))));
}
