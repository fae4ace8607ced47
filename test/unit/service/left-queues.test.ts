import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { leftQueues } from "../../../src/service/left-queues.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tollgate-left-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function queue(name: string, blocks: number): string {
  const directory = join(root, name);
  mkdirSync(join(directory, "set-aside"), { recursive: true });
  for (let index = 0; index < blocks; index += 1) writeFileSync(join(directory, `${index}.block`), "");
  return directory;
}

it("finds the queues that no exporter sends any more, and only those with something in them", () => {
  const inUse = new Set([queue("spool-otlp-tempo", 3)]);
  queue("spool", 2);
  queue("spool-logs", 2);
  queue("spool-otlp-empty", 0);
  const renamed = queue("spool-otlp_http-old", 2);
  const logs = queue("spool-logs-otlp-tempo", 1);
  expect(leftQueues({ root, inUse })).toEqual([
    { directory: logs, blocks: 1 },
    { directory: renamed, blocks: 2 },
  ]);
});

it("finds nothing where there is no data yet", () => {
  expect(leftQueues({ root: join(root, "none"), inUse: new Set() })).toEqual([]);
});
