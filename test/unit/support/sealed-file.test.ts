/** Goal: what a disk takes a part of only never stands in the place of what was there. Method: a process that may write no file beyond 8 KiB. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { StopStore } from "../../../src/kill/stop-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { readSealed, writeSealed } from "../../../src/support/sealed-file.ts";

const SOURCES = new URL("../../../src/", import.meta.url);
const PROGRAM = `
  const { writeSealed } = await import("${new URL("support/sealed-file.ts", SOURCES).href}");
  const { StopStore } = await import("${new URL("kill/stop-store.ts", SOURCES).href}");
  const { CheckpointLog } = await import("${new URL("audit/checkpoint-log.ts", SOURCES).href}");
  const [sealed, stops, checkpoints] = process.argv.slice(1);
  const say = (act) => { try { act(); console.log("written"); } catch (error) { console.log(/EFBIG/.exec(String(error))?.[0] ?? String(error)); } };
  say(() => writeSealed(sealed, { what: "x".repeat(20_000) }));
  const store = new StopStore({ file: stops, clock: { now: () => 0 } });
  const kill = (reason) => store.add({ act: "kill", selector: "agent=a", reason, author: "ada" });
  say(() => kill("small"));
  // In force all the same, and said not to be durable.
  console.log(JSON.stringify(kill("x".repeat(20_000)).isDurable));
  const log = new CheckpointLog({ file: checkpoints, signer: { current: { id: "x".repeat(3_000) }, sign: () => "s" } });
  log.open();
  for (let at = 0; at < 3; at += 1) say(() => log.append([], at));
  console.log((await Array.fromAsync(log.read(), ({ number }) => number)).join());
`;

it("keeps the old file where there is room for a part of the new one, and says so", () => {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-sealed-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [sealed, stops, checkpoints] = ["sealed", "stops", "checkpoints"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeSealed(sealed, { what: "before" });
  // In blocks of 512 bytes, as POSIX has it.
  const limited = 'ulimit -f 16 && exec "$0" --input-type=module -e "$1" "$2" "$3" "$4"';
  const told = execFileSync("sh", ["-c", limited, process.execPath, PROGRAM, sealed, stops, checkpoints], {
    encoding: "utf8",
  });
  expect(told.split("\n")).toEqual(["EFBIG", "written", "false", "written", "written", "EFBIG", "1,2", ""]);
  expect(readSealed(sealed)).toEqual({ what: "before" });
  const store = new StopStore({ file: stops, clock: new ManualClock() });
  store.load();
  expect(store.list.acts.map(({ reason }) => reason)).toEqual(["small"]);
});
