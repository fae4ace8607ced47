import { describe, expect, it } from "vitest";
import { EVENTS } from "../../../src/telemetry/events.ts";
import { Log } from "../../../src/telemetry/log.ts";
import { errorText } from "../../../src/telemetry/error-text.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";

const NOW = Date.UTC(2026, 10, 21, 3, 12, 0, 7);

function lines(options: ConstructorParameters<typeof Log>[0] = {}) {
  const written: string[] = [];
  return { written, log: new Log({ ...options, write: (line) => void written.push(line), now: () => NOW }) };
}

describe("Log", () => {
  it("writes a line for people, with fields that cannot break it", () => {
    const { written, log } = lines();
    log.line("warn", "disk_full", { path: "/a b", bytes: 12n, note: "x\ny", gone: undefined });
    expect(written).toEqual(['03:12:00.007 warn  disk full path="/a b" bytes=12 note="x\\ny"\n']);
  });

  it("writes one JSON object a line for machines", () => {
    const { written, log } = lines({ encoding: "json" });
    log.line("error", "disk_full", { bytes: 12n });
    expect(JSON.parse(written[0] ?? "")).toEqual({
      time: "2026-11-21T03:12:00.007Z",
      level: "error",
      event: "disk_full",
      message: "disk full",
      bytes: "12",
    });
  });

  it("leaves out what is below its level and cuts what is too long", () => {
    const { written, log } = lines({ level: "warn" });
    log.line("info", "chatter");
    log.line("warn", "long", { text: "x".repeat(5_000) });
    expect(written).toHaveLength(1);
    expect(written[0]?.length).toBeLessThan(1_200);
  });

  it("says how many lines were lost when they are taken again", () => {
    const written: string[] = [];
    let isTaken = true;
    const write = (line: string): boolean => {
      if (isTaken) written.push(line);
      return isTaken;
    };
    const log = new Log({ write, now: () => NOW });
    log.line("info", "first");
    isTaken = false;
    for (let lost = 0; lost < 3; lost++) log.line("info", "lost");
    isTaken = true;
    log.line("info", "last");
    log.line("info", "really_last");
    expect(written.map((line) => line.slice(19).trimEnd())).toEqual([
      "first",
      "log lines were lost, nobody read them lines=3",
      "last",
      "really last",
    ]);
  });
});

describe("Telemetry", () => {
  it("makes each event one line and one count", async () => {
    const written: string[] = [];
    const telemetry = new Telemetry({ write: (line) => void written.push(line) });
    telemetry.emit("storage_ready", { url: "http://x" });
    telemetry.announce({ level: "warn", event: "block_set_aside", fields: { spans: 3 } });
    const metrics = await telemetry.registry.metrics();
    expect(written).toHaveLength(2);
    expect(metrics).toContain('tollgate_events_total{event="storage_ready",level="info"} 1');
    expect(metrics).toContain('tollgate_events_total{event="block_set_aside",level="warn"} 1');
  });

  it("names its events in snake_case", () => {
    expect(Object.keys(EVENTS).filter((name) => !/^[a-z]+(_[a-z]+)*$/.test(name))).toEqual([]);
  });
});

it("tells an error with its causes, without a stack", () => {
  expect(errorText(new Error("outer", { cause: new Error("inner") }))).toBe("outer: inner");
  expect(errorText("text")).toBe("'text'");
});
