import { expect, it } from "vitest";
import type { DiskFile } from "../../../../src/budget/local/disk.ts";
import { Headroom } from "../../../../src/budget/local/headroom.ts";

/** A file whose writes come to be when the test says so. */
class HeldFile implements DiskFile {
  readonly isDurableByWrite = true;
  readonly held: { readonly from: number; readonly to: number; readonly go: () => void }[] = [];

  write(_buffer: Buffer, _offset: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    return new Promise((resolve) => {
      const go = (): void => resolve({ bytesWritten: length });
      this.held.push({ from: position, to: position + length, go });
    });
  }

  datasync = (): Promise<void> => Promise.reject(new Error("nothing is left to sync"));
  close = (): Promise<void> => Promise.resolve();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("holds back a frame that ends where zeros are on their way, and no other", async () => {
  const file = new HeldFile();
  const headroom = new Headroom({ file, offset: 0, segmentBytesMax: 400_000, onFailure: () => {} });
  headroom.after(100);
  const [first] = file.held.splice(0);
  expect(first).toMatchObject({ from: 100, to: 100 + 65_536 });
  let isThrough = false;
  const before = headroom.before(200).then(() => (isThrough = true));
  await turn();
  expect(isThrough).toBe(false);
  first?.go();
  await before;
  // Half of it is used: more is made behind it, and what stands before may be written meanwhile.
  headroom.after(40_000);
  const [second] = file.held.splice(0);
  expect(second?.from).toBe(100 + 65_536);
  await headroom.before(100 + 65_536);
  isThrough = false;
  const behind = headroom.before(100 + 65_537).then(() => (isThrough = true));
  await turn();
  expect(isThrough).toBe(false);
  second?.go();
  await behind;
  await headroom.settle();
});

it("makes no more than the segment takes", async () => {
  const file = new HeldFile();
  const headroom = new Headroom({ file, offset: 0, segmentBytesMax: 10_000, onFailure: () => {} });
  let written = 0;
  for (let end = 100; end < 12_000; end += 100) {
    const before = headroom.before(end);
    for (const { to, go } of file.held.splice(0)) {
      written = to;
      go();
    }
    await before;
    headroom.after(end);
  }
  expect(written).toBe(10_000);
  await headroom.settle();
});

it("is settled when no zeros are on their way any more: who closes the file waits for that", async () => {
  const file = new HeldFile();
  const headroom = new Headroom({ file, offset: 0, segmentBytesMax: 400_000, onFailure: () => {} });
  headroom.after(100);
  let isSettled = false;
  const settled = headroom.settle().then(() => (isSettled = true));
  await turn();
  expect(isSettled).toBe(false);
  for (const { go } of file.held.splice(0)) go();
  await settled;
});
