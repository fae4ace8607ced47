import { expect, it } from "vitest";
import { AgentKilled } from "../../../../instrumentation/src/errors.ts";
import { CallStop } from "../../../../instrumentation/src/gate/call-stop.ts";

const error = new AgentKilled({ agent: "a", reason: "enough" });

it("tells whoever listens once, and who comes later at once", () => {
  const stop = new CallStop();
  const told: unknown[] = [];
  const signal = stop.signalWith(new AbortController().signal);
  stop.onStop((why) => told.push(why));
  expect(stop.stop(error)).toBe(true);
  expect(stop.stop(error)).toBe(false);
  stop.onStop((why) => told.push(why));
  expect(told).toEqual([error, error]);
  expect([stop.error, signal.reason]).toEqual([error, error]);
});

it("stops nothing that has ended, and keeps nobody who would listen", () => {
  const stop = new CallStop();
  const told: unknown[] = [];
  stop.onStop((why) => told.push(why));
  stop.end();
  stop.onStop((why) => told.push(why));
  expect(stop.stop(error)).toBe(false);
  expect([told, stop.error]).toEqual([[], undefined]);
});
