import { describe, expect, it } from "vitest";
import type { ServiceStatus } from "../../../src/api/status.ts";
import { bytesText, durationText } from "../../../src/cli/quantity.ts";
import { printStatus } from "../../../src/cli/status-page.ts";
import { fineStatus } from "../../support/service-status.ts";

function page(change: Partial<ServiceStatus> = {}, isColour = false): readonly string[] {
  const lines: string[] = [];
  printStatus({ isColour, line: (text) => void lines.push(...text.split("\n")) }, { ...fineStatus(), ...change });
  return lines;
}

const LONG = `${"a-very-long-name-".repeat(4)} has waited for 61 s and keeps all the others waiting, too, since this morning`;

describe("the page of status", () => {
  it("begins with what is wrong, broken into lines of 80 columns", () => {
    const lines = page({ warnings: [LONG], notes: ["no `auth`"] });
    expect(lines[0]).toBe("tollgate 0.1.0, ready, up 2 h 5 min, pid 4711, 143 MiB");
    expect(lines[1]).toMatch(/^warning {5}a-very-long/);
    expect(lines[2]).toMatch(/^ {12}\S/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines).toContain("note        no `auth`");
  });

  it("has the pipeline as a table and the lag beside its objective", () => {
    const lines = page();
    expect(lines).toContain("exporters.clickhouse  1,234,567  1,234,467        0          0  100 duplicate");
    expect(lines).toContain("visible in  p50 120 ms, p99 800 ms, objective 2 s; 3 from the future");
    expect(lines).toContain("OTLP/gRPC   off");
  });

  it("says of an engine that is gone that it is gone, and of no traffic that there was none", () => {
    const engine = {
      ...fineStatus().engine,
      serving: false,
      crashes: 4,
      resident_bytes: null,
    } as ServiceStatus["engine"];
    expect(page({ engine })).toContain("engine      does not serve, 4 crashes");
    const quiet = { p50_ms: null, p99_ms: null, spans: 0, clock_ahead: 0 };
    const lines = page({ lag: { objective_ms: 2_000, counted: quiet, visible: quiet } });
    expect(lines).toContain("counted in  nothing lately");
  });

  it("lets no sender move the cursor", () => {
    expect(page({ notes: ["no policy for \u001B[2Jx"] }).join("")).not.toContain("\u001B");
  });
});

describe("quantities", () => {
  it.each([
    [0, "0 s"],
    [0.4, "<1 ms"],
    [12.4, "12 ms"],
    [2_000, "2 s"],
    [9_990, "10 s"],
    [61_000, "1 min"],
    [3_700_000, "1 h 1 min"],
    [200_000_000, "2 d 7 h"],
  ])("%d ms is %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 KiB"],
    [1_536, "1.5 KiB"],
    [1_073_741_824, "1 GiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});
