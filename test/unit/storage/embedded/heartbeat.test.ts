import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Heartbeat } from "../../../../src/storage/embedded/heartbeat.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function beating(): { readonly heartbeat: Heartbeat; readonly asked: () => number; readonly silences: () => number } {
  let asked = 0;
  let silences = 0;
  const heartbeat = new Heartbeat({ intervalMs: 10, ask: () => (asked += 1), onSilence: () => (silences += 1) });
  return { heartbeat, asked: () => asked, silences: () => silences };
}

test("three questions without an answer are a silence, told once", () => {
  const { asked, silences } = beating();
  vi.advanceTimersByTime(30);
  expect([asked(), silences()]).toEqual([3, 0]);
  vi.advanceTimersByTime(1000);
  expect([asked(), silences()]).toEqual([3, 1]);
});

test("an answer now and then is a life, and after the stop there is no question", () => {
  const { heartbeat, asked, silences } = beating();
  for (let round = 0; round < 20; round += 1) {
    vi.advanceTimersByTime(20);
    heartbeat.answered();
  }
  expect([asked(), silences()]).toEqual([40, 0]);
  heartbeat.stop();
  vi.advanceTimersByTime(1000);
  expect([asked(), silences()]).toEqual([40, 0]);
});
