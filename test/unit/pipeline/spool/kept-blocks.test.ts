import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Block } from "../../../../src/pipeline/spool/block-format.ts";
import { BlockStore, type StoredBlock } from "../../../../src/pipeline/spool/block-store.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-kept-"));
});

afterEach(() => rm(directory, { recursive: true }));

function blockOf(token: string, bytes: number): Block {
  const identities = Buffer.alloc(24, token);
  return { token, createdUnixMs: 1, rowCount: 1, identities, spend: [], payload: Buffer.alloc(bytes, token) };
}

async function write(store: BlockStore, block: Block): Promise<StoredBlock> {
  const { payload, ...facts } = block;
  const result = await store.write(store.make({ ...facts, writeRows: (sink) => sink.raw(payload) }));
  if (result.kind !== "written") throw new Error(result.kind);
  return result.stored;
}

it("blocks that fit in memory are had from there, the others from their files, each as it was written", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 20_000 });
  await store.open();
  const small = await write(store, blockOf("a", 1_000));
  const large = await write(store, blockOf("b", 1_000));
  for (const name of await readdir(directory)) if (name.endsWith(".block")) await truncate(join(directory, name), 10);
  expect(await store.read(small.name)).toEqual({ kind: "block", block: blockOf("a", 1_000) });
  expect(await store.read(large.name)).toMatchObject({ kind: "corrupt" });
  await store.close();
});

it("a block that is gone gives its room in memory back", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 20_000 });
  await store.open();
  for (const token of "abcdef") {
    const stored = await write(store, blockOf(token, 1_500));
    await truncate(join(directory, stored.name), 10);
    expect(await store.read(stored.name)).toMatchObject({ kind: "block" });
    if (token < "d") await store.remove(stored);
    else await store.moveAside(stored, "poison");
    expect(await store.read(stored.name)).toMatchObject({ kind: "corrupt" });
  }
  await store.close();
});

it("after a restart blocks are read from their files", async () => {
  const first = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 20_000 });
  await first.open();
  const { name } = await write(first, blockOf("a", 1_000));
  await first.close();
  const second = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 20_000 });
  expect((await second.open()).blocks).toEqual([name]);
  expect(await second.read(name)).toEqual({ kind: "block", block: blockOf("a", 1_000) });
  await second.close();
});

it("a block's memory is used again when it is gone, and not before", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 200_000 });
  await store.open();
  const stored = new Map<string, StoredBlock>();
  for (const [index, token] of "abcdefghijkl".split("").entries()) {
    stored.set(token, await write(store, blockOf(token, 5_000)));
    const gone = [...stored.keys()][0] ?? "";
    const block = stored.get(gone);
    if (index % 3 !== 2 || block === undefined) continue;
    await store.remove(block);
    stored.delete(gone);
  }
  for (const [token, { name }] of stored) {
    await truncate(join(directory, name), 10);
    expect(await store.read(name)).toEqual({ kind: "block", block: blockOf(token, 5_000) });
  }
  await store.close();
});

it("a block that is kept still knows what it spent", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 200_000 });
  await store.open();
  const amounts = { nanoUsd: 9_007_199_254_740_993n, tokens: 5n, calls: 1n };
  const spend = [{ labels: { agent: "ä" }, leaseId: "lease", amounts }];
  const stored = await write(store, { ...blockOf("a", 1_000), spend });
  await truncate(join(directory, stored.name), 10);
  expect(await store.read(stored.name)).toMatchObject({ kind: "block", block: { spend } });
  await store.close();
});

it("a block that is read to be sent has its memory until it is removed, and others have it then", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 1 });
  await store.open();
  const [first, second, third] = [
    await write(store, blockOf("a", 60_000)),
    await write(store, blockOf("b", 60_000)),
    await write(store, blockOf("c", 60_000)),
  ];
  const sent = [await store.lend(first), await store.lend(second)];
  expect(sent).toEqual(["a", "b"].map((token) => ({ kind: "block", block: blockOf(token, 60_000) })));
  await store.remove(first);
  const later = await store.lend(third);
  expect(later).toEqual({ kind: "block", block: blockOf("c", 60_000) });
  expect(sent[1]).toEqual({ kind: "block", block: blockOf("b", 60_000) });
  expect(sent[0]).not.toEqual({ kind: "block", block: blockOf("a", 60_000) });
  await store.close();
});

it("a block whose file is cut off or longer than it was is corrupt, in whatever memory it is read", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 1 });
  await store.open();
  const [whole, short, long] = [
    await write(store, blockOf("a", 60_000)),
    await write(store, blockOf("b", 60_000)),
    await write(store, blockOf("c", 60_000)),
  ];
  await store.lend(whole);
  await store.remove(whole);
  await truncate(join(directory, short.name), 50_000);
  await truncate(join(directory, long.name), 70_000);
  for (const stored of [short, long]) expect(await store.lend(stored)).toMatchObject({ kind: "corrupt" });
  expect(await store.lend({ ...whole, name: "none" })).toMatchObject({ kind: "corrupt" });
  await store.close();
});

it("goes on when far more is read to be sent than is kept", async () => {
  const store = new BlockStore({ directory, bytesMax: 100_000_000, keptBytesMax: 20_000 });
  await store.open();
  const stored: StoredBlock[] = [];
  for (const token of "abcdefgh") stored.push(await write(store, blockOf(token, 2_000_000)));
  const lent = await Promise.all(stored.map((block) => store.lend(block)));
  expect(lent.map(({ kind }) => kind)).toEqual(stored.map(() => "block"));
  stored.push(await write(store, blockOf("i", 2_000_000)));
  for (const block of stored) await store.remove(block);
  expect(store.bytesUsed).toBe(0);
  await store.close();
});

it("a block that is set aside keeps its memory for who reads it still", async () => {
  const store = new BlockStore({ directory, bytesMax: 1_000_000, keptBytesMax: 200_000 });
  await store.open();
  const stored = await write(store, blockOf("a", 5_000));
  const read = await store.read(stored.name);
  await store.moveAside(stored, "poison");
  for (const token of "bcd") await write(store, blockOf(token, 5_000));
  expect(read).toEqual({ kind: "block", block: blockOf("a", 5_000) });
  await store.close();
});
