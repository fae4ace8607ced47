import { expect, it } from "vitest";
import { startSending } from "../../../../instrumentation/src/gate/current-call.ts";
import type { CallInFlight } from "../../../../instrumentation/src/gate/current-call.ts";

it("what sends below the request that is on its way changes nothing of it", () => {
  const call: CallInFlight = { isEnded: false, isAnswered: false };
  const { stop } = startSending(call, "fetch");
  startSending(call, "undici").stop();
  expect(call.sent).toEqual({ via: "fetch" });
  stop();
  expect(call.sent).toBeUndefined();
});

it("an attempt that ends late does not end the next one", () => {
  const call: CallInFlight = { isEnded: false, isAnswered: false };
  const { stop: stopFirst } = startSending(call, "undici");
  // Given up: the next attempt begins.
  call.sent = undefined;
  const { stop: stopNext } = startSending(call, "http");
  stopFirst();
  expect(call.sent).toEqual({ via: "http" });
  stopNext();
  expect(call.sent).toBeUndefined();
});
