import { describe, expect, it } from "vitest";
import { delay, every, SystemClock } from "../../../src/support/clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

describe("clocks", () => {
  it("fires timers in the order of their deadlines and none that was cancelled", () => {
    const clock = new ManualClock(1_000);
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push(`late at ${clock.now()}`));
    clock.setTimer(10, () => fired.push(`early at ${clock.now()}`));
    clock.setTimer(15, () => fired.push("never"))();
    clock.advance(30);
    expect(fired).toEqual(["early at 1010", "late at 1020"]);
    expect(clock.pending).toBe(0);
  });

  it("repeats until cancelled, and leaves no timer behind", () => {
    const clock = new ManualClock();
    let ticks = 0;
    const cancel = every(clock, 100, () => ticks++);
    clock.advance(350);
    cancel();
    clock.advance(1_000);
    expect(ticks).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("can be cancelled from within its own tick", () => {
    const clock = new ManualClock();
    let ticks = 0;
    const cancel = every(clock, 100, () => {
      ticks++;
      cancel();
    });
    clock.advance(1_000);
    expect(ticks).toBe(1);
  });

  it("resolves a delay", async () => {
    const clock = new ManualClock();
    const waiting = delay(clock, 5);
    clock.advance(5);
    await expect(waiting).resolves.toBeUndefined();
  });

  it("takes a delay beyond what Node's timers hold as the longest they hold", () => {
    let fired = false;
    const cancel = new SystemClock().setTimer(2 ** 40, () => {
      fired = true;
    });
    cancel();
    expect(fired).toBe(false);
  });
});
