import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AppendLog } from "../../../src/support/append-log.ts";

let directory = "";
let file = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-log-"));
  file = join(directory, "a", "b.log");
});

afterEach(() => rmSync(directory, { recursive: true }));

async function written(...values: readonly unknown[]): Promise<void> {
  const log = new AppendLog(file);
  await log.open();
  await Promise.all(values.map((value) => log.append(value)));
  await log.close();
}

async function read(): Promise<readonly unknown[]> {
  const log = new AppendLog(file);
  const values = await log.open();
  await log.close();
  return values;
}

it("reads back what was appended, in order, over restarts", async () => {
  await written({ n: 1 }, { n: 2 });
  await written({ n: 3 });
  const log = new AppendLog(file);
  expect(await log.open()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  await log.rewrite([{ n: 3 }]);
  await log.append({ n: 4 });
  await log.close();
  expect(await read()).toEqual([{ n: 3 }, { n: 4 }]);
});

it("cuts off a last line that is torn, and goes on behind it", async () => {
  await written({ n: 1 });
  appendFileSync(file, '0123 {"n":');
  await written({ n: 2 });
  expect(await read()).toEqual([{ n: 1 }, { n: 2 }]);
});

it("refuses a file in which a line was changed, dropped or put in", async () => {
  await written({ n: 1 }, { n: 2 }, { n: 3 });
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const damaged = [
    [lines[0], lines[1]?.replace("2", "9"), lines[2]],
    [lines[0], lines[2], lines[2]],
    [lines[0], lines[0], lines[1], lines[2]],
  ];
  for (const each of damaged) {
    writeFileSync(file, `${each.join("\n")}\n`);
    await expect(read()).rejects.toThrow(/damaged/);
  }
});
