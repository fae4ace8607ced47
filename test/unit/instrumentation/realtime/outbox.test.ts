import { expect, it } from "vitest";
import { Fragments } from "../../../../instrumentation/src/realtime/fragments.ts";
import { Outbox, type Outgoing } from "../../../../instrumentation/src/realtime/outbox.ts";

function outbox(): { readonly box: Outbox; readonly taken: Outgoing[] } {
  const taken: Outgoing[] = [];
  const box = new Outbox({ take: (sent) => taken.push(sent), convert: (data) => `converted ${String(data)}` });
  return { box, taken };
}

it("hands on at once what has its bytes at hand: text as it is, bytes as a copy, the rest as the class has it", () => {
  const { box, taken } = outbox();
  const bytes = Uint8Array.from([1, 2, 3, 4]);
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
  for (const data of ["text", bytes.subarray(1, 3), bytes.buffer, new DataView(bytes.buffer, 2), shared.buffer, 5])
    box.put(data);
  bytes.fill(0);
  shared.fill(0);
  const copies = [
    [2, 3],
    [1, 2, 3, 4],
    [3, 4],
    [7, 7],
  ].map((items) => Buffer.from(items));
  expect(taken).toEqual(["text", ...copies, "converted 5"]);
});

it("keeps the order behind a blob, and goes on behind one that can't be read", async () => {
  const { box, taken } = outbox();
  const broken = new Blob(["gone"]);
  broken.arrayBuffer = () => Promise.reject(new Error("the file has changed"));
  const bytes = Uint8Array.from([1]);
  box.put(new Blob(["first"]));
  box.put(broken);
  box.put(bytes);
  box.put("last");
  bytes.fill(9);
  expect(taken).toEqual([]);
  await expect.poll(() => taken.length).toBe(3);
  expect(taken).toEqual([Buffer.from("first"), Buffer.from([1]), "last"]);
  await new Promise((resolve) => setImmediate(resolve));
  box.put("at once");
  expect(taken.at(-1)).toBe("at once");
});

it("hands on what was given beside the data", async () => {
  const seen: unknown[] = [];
  const box = new Outbox({ take: (_sent, rest) => seen.push(rest), convert: String });
  box.put("a", 1, 2);
  box.put(new Blob(["b"]), 3);
  await expect.poll(() => seen.length).toBe(2);
  expect(seen).toEqual([[1, 2], [3]]);
});

it("lets a whole message through with its options and its callback", () => {
  const callback = (): void => {};
  const fragments = new Fragments();
  expect(fragments.add("text", [])).toEqual({ sent: "text", options: { binary: false }, callback: undefined });
  expect(fragments.add(Buffer.from("b"), [callback])).toMatchObject({ options: { binary: true }, callback });
  const whole = fragments.add(Buffer.from("b"), [{ binary: false, compress: false }, callback]);
  expect(whole).toEqual({ sent: Buffer.from("b"), options: { binary: false, compress: false }, callback });
});

it("puts pieces together as the message that the first of them began, again and again", async () => {
  const fragments = new Fragments();
  for (const word of ["one", "two"]) {
    let isTold = false;
    const told = (): void => void (isTold = true);
    expect(fragments.add(`${word} `, [{ fin: false }, told])).toBeUndefined();
    expect(isTold).toBe(false);
    await Promise.resolve();
    expect(isTold).toBe(true);
    expect(fragments.add(Buffer.from("é "), [{ fin: false, binary: true }])).toBeUndefined();
    const whole = fragments.add(Buffer.from("end"), [told]);
    expect(whole).toEqual({
      sent: Buffer.from(`${word} é end`),
      options: { binary: false, fin: true },
      callback: told,
    });
  }
});
