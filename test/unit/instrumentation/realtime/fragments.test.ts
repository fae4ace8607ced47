import { expect, it } from "vitest";
import { Fragments } from "../../../../instrumentation/src/realtime/fragments.ts";

it("puts pieces together as the kind of message that the first one began", () => {
  const fragments = new Fragments();
  expect(fragments.add('{"a"', [{ fin: false, binary: false }])).toBeUndefined();
  const whole = fragments.add(Buffer.from(":1}"), [{ fin: true }]);
  expect([String(whole?.sent), whole?.options]).toEqual(['{"a":1}', { fin: true, binary: false }]);
  // What comes next is a message of its own.
  expect(fragments.add("b", [])).toEqual({ sent: "b", options: { binary: false }, callback: undefined });
});
