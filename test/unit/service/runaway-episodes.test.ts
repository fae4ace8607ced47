import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RunawayEpisodes } from "../../../src/service/runaway-episodes.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const WITHIN_MS = 600_000;

let folder: string;
let file: string;
let clock: ManualClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-episodes-"));
  file = join(folder, "runaways.json");
  clock = new ManualClock();
});

afterEach(() => rmSync(folder, { recursive: true }));

it("writes once for all that is found within a second: each write holds up the spans", () => {
  const episodes = new RunawayEpisodes(file, clock);
  for (let index = 0; index < 500; index += 1) expect(episodes.isNews(`session ${index}`, 1, WITHIN_MS)).toBe(true);
  expect(existsSync(file)).toBe(false);
  clock.advance(1_000);
  expect(JSON.parse(readFileSync(file, "utf8"))).toHaveLength(500);
  expect(clock.pending).toBe(0);
});

it("knows after a restart what was found before it was closed, and not what a crash took", () => {
  const first = new RunawayEpisodes(file, clock);
  first.isNews("kept", 1, WITHIN_MS);
  first.close();
  expect(clock.pending).toBe(0);
  first.isNews("lost", 1, WITHIN_MS);
  const second = new RunawayEpisodes(file, clock);
  expect(second.isNews("kept", 2, WITHIN_MS)).toBe(false);
  expect(second.isNews("lost", 2, WITHIN_MS)).toBe(true);
});
