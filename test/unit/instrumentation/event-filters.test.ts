/** Streams of events as they pass: byte for byte, whatever the pieces they come in, and never held without bound. */
import { expect, it } from "vitest";
import { LineFilter } from "../../../instrumentation/src/stainless/line-filter.ts";
import { HELD_LENGTH_MAX } from "../../../instrumentation/src/stainless/held-text.ts";
import { SseFilter } from "../../../instrumentation/src/stainless/sse-filter.ts";

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

it.each(["\n\n", "\r\n\r\n", "\r\r"])(
  "reads each event once, in pieces of any size, with %j between them",
  (separator) => {
    const events = [{ a: "ü日" }, { b: 1 }, { c: [1, 2] }];
    const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}${separator}`).join(""));
    for (let size = 1; size <= bytes.length; size += 1) {
      const seen: unknown[] = [];
      const filter = new SseFilter((event) => {
        seen.push(event);
        return event;
      });
      let out = "";
      for (let at = 0; at < bytes.length; at += size) out += utf8(filter.push(bytes.subarray(at, at + size)));
      out += utf8(filter.end());
      expect([size, out, seen]).toEqual([size, bytes.toString("utf8"), events]);
    }
  },
);

it.each([
  ["events", new SseFilter((event) => event)],
  ["lines", new LineFilter((event) => event)],
])("lets go of what never comes to an end, and says how much it could not read: %s", (_name, filter) => {
  const chunk = Buffer.alloc(1024 * 1024, "x");
  let [sent, passed] = [0, 0];
  while (sent <= 3 * HELD_LENGTH_MAX) {
    sent += chunk.length;
    passed += filter.push(chunk).length;
    expect(sent - passed).toBeLessThanOrEqual(HELD_LENGTH_MAX + chunk.length);
  }
  expect(filter.unreadBytes).toBeGreaterThanOrEqual(2 * HELD_LENGTH_MAX);
  passed += filter.end().length;
  expect(passed).toBe(sent);
});

it("reads an event of many pieces in a time that grows with its length", () => {
  const read = (pieces: number): number => {
    const filter = new SseFilter((event) => event);
    const piece = Buffer.alloc(4_096, "x");
    const before = process.cpuUsage();
    for (let index = 0; index < pieces; index += 1) filter.push(piece);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  // What else the process does meanwhile, collecting what other files left for one, is in some rounds and not in all.
  const least = (pieces: number): number => Math.min(...Array.from({ length: 5 }, () => read(pieces)));
  // A scan from the start at each piece takes a hundred times as long for ten times the pieces.
  expect(least(5_000)).toBeLessThan(60 * Math.max(least(500), 1_000));
});
