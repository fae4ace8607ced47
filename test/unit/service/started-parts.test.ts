import { expect, it } from "vitest";
import { StartedParts } from "../../../src/service/started-parts.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function rig() {
  const clock = new ManualClock();
  const logLines: string[] = [];
  const telemetry = new Telemetry({ write: (line) => void logLines.push(line) });
  return { clock, logLines, parts: new StartedParts({ clock, telemetry, timeoutMs: 1_000 }) };
}

it("stops in the opposite order, each part once, also when one fails", async () => {
  const { parts, logLines, clock } = rig();
  const order: string[] = [];
  const part = (name: string, fails = false) => ({
    start: async () => void order.push(`start ${name}`),
    stop: async () => {
      order.push(`stop ${name}`);
      if (fails) throw new Error("stuck");
    },
  });
  await parts.start("a", part("a"));
  await parts.start("b", part("b", true));
  await parts.start("c", part("c"));
  expect(await parts.stop()).toBe("stopped");
  expect(await parts.stop()).toBe("stopped");
  expect(order).toEqual(["start a", "start b", "start c", "stop c", "stop b", "stop a"]);
  expect(logLines.join("")).toContain("part=b reason=stuck");
  expect(clock.pending).toBe(0);
});

it("does not wait for a part that never stops", async () => {
  const { parts, clock } = rig();
  parts.add("hangs", () => new Promise(() => {}));
  const stopping = parts.stop();
  clock.advance(1_000);
  expect(await stopping).toBe("timed_out");
});
