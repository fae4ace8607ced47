/** What is killed stays killed, whatever happens to the file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StopStore, StopStoreError } from "../../../src/kill/stop-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-kill-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const KILL = { act: "kill", selector: "agent=shop-*", reason: "runs wild", author: "people-token" } as const;

function open(): StopStore {
  const store = new StopStore({ file: join(directory, "kill", "stops.json"), clock: new ManualClock() });
  store.load();
  return store;
}

describe("the store of stops", () => {
  it("has after a restart what was in force, and lets go of what was lifted", () => {
    const first = open();
    expect(first.add(KILL)).toMatchObject({ outcome: "added", isDurable: true });
    first.add({ ...KILL, act: "pause", selector: "all" });
    expect(first.lift({ selector: "all" })).toHaveLength(1);
    const again = open();
    expect(again.list).toEqual(first.list);
    expect(again.list.acts).toMatchObject([KILL]);
    expect(again.list.revision).toBe(3);
    expect(again.lift({ id: again.list.acts[0]?.id ?? "" })).toMatchObject([KILL]);
    expect(open().list.acts).toEqual([]);
  });

  it("refuses a file that is torn at any byte or damaged, and ignores a torn one beside it", () => {
    open().add(KILL);
    const file = join(directory, "kill", "stops.json");
    const whole = readFileSync(file, "utf8");
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(file, whole.slice(0, length));
      expect(open).toThrow(StopStoreError);
    }
    writeFileSync(file, whole.replace("shop", "shOp"));
    expect(open).toThrow(StopStoreError);
    writeFileSync(file, whole);
    writeFileSync(`${file}.tmp`, whole.slice(0, 20));
    expect(open().list.acts).toMatchObject([KILL]);
  });

  it("kills also when the disk refuses, and says so; resumes nothing then", () => {
    const store = new StopStore({ file: "/dev/null/stops.json", clock: new ManualClock() });
    expect(store.add(KILL)).toMatchObject({ outcome: "added", isDurable: false });
    expect(() => store.lift({ selector: KILL.selector })).toThrow(StopStoreError);
    expect(store.list.acts).toHaveLength(1);
  });
});
