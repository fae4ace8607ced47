import { readFileSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cityHash128 } from "../../../../src/storage/embedded/city-hash.ts";
import { packFrames, unpackFrames } from "../../../../src/storage/embedded/compressed-frames.ts";
import { packBlock } from "../../../../src/storage/embedded/lz4-block.ts";

/** 100 rows as clickhouse-go 2.47.0 sent them, by `compress=1&decompress=1`: see the integration test that inserts them. */
function fixture(method: "lz4" | "zstd"): Buffer {
  return readFileSync(new URL(`./fixtures/clickhouse-go-insert.${method}.bin`, import.meta.url));
}

async function unpack(bytes: Uint8Array, chunkBytes = bytes.length): Promise<Buffer> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of unpackFrames(source())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A frame with a true checksum, whatever is in it. */
function frame(method: number, size: number, packed: Uint8Array, length = packed.length + 9): Buffer {
  const rest = Buffer.alloc(9 + packed.length);
  rest[0] = method;
  rest.writeUInt32LE(length, 1);
  rest.writeUInt32LE(size, 5);
  rest.set(packed, 9);
  return Buffer.concat([cityHash128(rest), rest]);
}

describe("frames of clickhouse-go", () => {
  test("are read, by LZ4 and by zstd, however they are cut into chunks", async () => {
    const lz4 = await unpack(fixture("lz4"));
    expect(lz4.toString("latin1").slice(0, 12)).toBe("\x03\x64\x02id\x06UInt64");
    for (const chunkBytes of [1, 7, 24, 25, 26, 500]) {
      expect((await unpack(fixture("lz4"), chunkBytes)).equals(lz4)).toBe(true);
    }
    // Maps have no order in Go, so the two are of the same size and no more.
    expect((await unpack(fixture("zstd"))).length).toBe(lz4.length);
  });

  test("any changed byte is found", async () => {
    const bytes = fixture("lz4");
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ difference;
        await expect(unpack(damaged)).rejects.toMatchObject({ name: "EngineError" });
      }),
    );
  });

  test("cut off anywhere, they are refused as cut off", async () => {
    const bytes = fixture("lz4");
    for (const length of [1, 16, 24, 25, 26, bytes.length - 1]) {
      await expect(unpack(bytes.subarray(0, length))).rejects.toMatchObject({ code: 33 });
    }
  });
});

test("what is packed unpacks to the same bytes, in frames of a megabyte", async () => {
  const bytes = Buffer.from(Array.from({ length: 2_600_000 }, (_, index) => (index * index) >> 7));
  const packed = await packFrames(bytes);
  expect(packed[16]).toBe(0x82);
  expect(packed.readUInt32LE(21)).toBe(1_048_576);
  expect((await unpack(packed, 65_536)).equals(bytes)).toBe(true);
  expect(await packFrames(new Uint8Array())).toHaveLength(0);
});

describe("a frame by hand", () => {
  const text = Buffer.from("some text, some text, some text");

  test("stored, LZ4 and zstd are read, one after the other", async () => {
    const all = [frame(0x02, text.length, text), frame(0x82, text.length, packBlock(text))];
    all.push(frame(0x90, text.length, zstdCompressSync(text)));
    expect((await unpack(Buffer.concat(all))).toString()).toBe(text.toString().repeat(3));
  });

  test.each([
    ["an unknown method", frame(0x91, text.length, text), 89],
    ["more unpacked than allowed", frame(0x82, 0x0800_0001, text), 131],
    ["a length beyond the bound", frame(0x02, text.length, text, 0xffff_ffff), 131],
    ["a length shorter than its header", frame(0x02, text.length, text, 8), 271],
    ["more promised than LZ4 can reach", frame(0x82, 100_000_000, packBlock(text)), 271],
    ["a size that is not the block's", frame(0x82, text.length + 1, packBlock(text)), 271],
    ["a stored size that is not the data's", frame(0x02, text.length + 1, text), 271],
    ["zstd that holds more than promised", frame(0x90, 1_000, zstdCompressSync(Buffer.alloc(1_000_000))), 271],
    ["zstd that is none", frame(0x90, text.length, text), 271],
  ])("%s is refused", async (_, bytes, code) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code });
  });
});
