/** An export comes in chunks that end anywhere, and is read in blocks: what is said of it is the same wherever they end. */
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { ExportBlocks } from "../../../src/audit/verify/export-blocks.ts";
import { chunkSource } from "../../../src/audit/verify/export-source.ts";
import { readExport } from "../../../src/audit/verify/read-export.ts";
import { Verifier } from "../../../src/audit/verify/verifier.ts";

interface Cut {
  readonly chunks: readonly Uint8Array[];
  readonly blockBytes?: number;
}

/** The lines that a verifier saw: it names each that it does not know. */
async function linesOf({ chunks, blockBytes = 1_024 }: Cut): Promise<readonly string[]> {
  const verifier = new Verifier({ trusted: undefined });
  await readExport(verifier, chunkSource(Readable.from(chunks)), { blockBytes, threads: 1 });
  return verifier
    .finish()
    .findings.map(({ detail }) => detail)
    .filter((detail) => detail.startsWith("not a line"))
    .map((detail) => detail.replace("not a line of an export: ", ""));
}

const TEXT = Buffer.from('\none "é"\r\n\n\r\ntwo\n["three", 3]\nlast');
const LINES = ['one "é"', "two", '["three", 3]', "last"];

it("takes the same lines, wherever it is cut in two or three", async () => {
  expect(await linesOf({ chunks: [TEXT] })).toEqual(LINES);
  for (let first = 0; first <= TEXT.length; first += 1) {
    for (let second = first; second <= TEXT.length; second += 1) {
      const chunks = [TEXT.subarray(0, first), TEXT.subarray(first, second), TEXT.subarray(second)];
      expect(await linesOf({ chunks }), `${first}, ${second}`).toEqual(LINES);
    }
  }
});

it("takes the same lines in blocks of any size, in one chunk and in chunks of each size", async () => {
  for (let blockBytes = 1; blockBytes <= TEXT.length + 1; blockBytes += 1) {
    for (let size = 1; size <= TEXT.length; size += 1) {
      const chunks = Array.from({ length: Math.ceil(TEXT.length / size) }, (_, index) =>
        TEXT.subarray(index * size, (index + 1) * size),
      );
      expect(await linesOf({ chunks, blockBytes }), `${blockBytes}, ${size}`).toEqual(LINES);
    }
  }
});

it("takes no line for an end", async () => {
  expect(await linesOf({ chunks: [Buffer.from("one\n")] })).toEqual(["one"]);
  expect(await linesOf({ chunks: [Buffer.from("one\n")], blockBytes: 4 })).toEqual(["one"]);
  expect(await linesOf({ chunks: [] })).toEqual([]);
});

it("keeps no more than the beginning of a line that is too long, and goes on behind it", async () => {
  const long = "x".repeat(1_000);
  const source = chunkSource(Readable.from([Buffer.from(`one\n${long}\ntwo\n${"y".repeat(150)}`)]));
  const blocks = new ExportBlocks(source, { lineBytesMax: 200 });
  const room = Buffer.alloc(64);
  const lines: string[] = [];
  for (let block = await blocks.next(room); block !== undefined; block = await blocks.next(room))
    lines.push(...block.toString().split("\n"));
  expect(lines).toEqual(["one", "x".repeat(100), "two", "y".repeat(150)]);
});
