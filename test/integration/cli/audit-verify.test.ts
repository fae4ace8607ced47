/** `audit verify --file` as an auditor calls it, with an export, a public key and heads, and without a processor: what is no key and no head is refused with where and what. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXPORT_END, exportedChain, exportHead } from "../../support/audit-export.ts";
import { type CliResult, tollgate } from "../../support/tollgate-cli.ts";

let directory: string;
let key: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-audit-verify-"));
  const chains = [exportedChain("first", 70), exportedChain("second", 3)];
  const head = exportHead(chains, directory);
  [, { public_key: key }] = JSON.parse(head[1] ?? "") as [string, { public_key: string }];
  const lines = [...head, ...chains.flatMap(({ links, records }) => [...links, ...records]), EXPORT_END];
  await writeFile(join(directory, "export.ndjson"), lines.join("\n"));
});

afterAll(() => rm(directory, { recursive: true }));

function verify(...args: readonly string[]): Promise<CliResult> {
  return tollgate(["audit", "verify", "--file", "export.ndjson", ...args], { cwd: directory });
}

it("says that an export is complete", async () => {
  expect(await verify("--key", key)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("complete: 73 records of 2 processes are there and unchanged") as string,
  });
});

it.each(["abc", "", `${"A".repeat(42)}=`, `${"!".repeat(43)}=`, "not a key at all, but as long as one has"])(
  "refuses `%s` as a key, with what one looks like",
  async (word) => {
    const { code, stdout, stderr } = await verify("--key", key, word);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(
      `\`${word}\` is no public key: 44 characters of base64, as \`tollgate audit keys\` prints`,
    );
  },
);

it.each([
  ["", "it has no heads"],
  ["{}\n", "line 1: `log`"],
  [`{"log":"a","number":1,"hash":"${"0".repeat(64)}","time":"2026-11-22T00:00:00.000Z"}\nhello\n`, "line 2: "],
  [`{"log":"a","number":0,"hash":"${"0".repeat(64)}","time":"2026-11-22T00:00:00.000Z"}\n`, "line 1: `number`"],
  [`{"log":"a","number":1,"hash":"00","time":"2026-11-22T00:00:00.000Z"}\n`, "line 1: `hash`"],
  [`{"log":"a","number":1,"hash":"${"0".repeat(64)}","time":"yesterday"}\n`, "line 1: `time`"],
])("refuses heads that would prove nothing: %j", async (text, problem) => {
  await writeFile(join(directory, "heads.ndjson"), text);
  const { code, stderr } = await verify("--key", key, "--anchor", "heads.ndjson");
  expect([code, stderr]).toEqual([2, expect.stringContaining(`\`--anchor heads.ndjson\`: ${problem}`)]);
});

it("says what file is not there", async () => {
  const { code, stderr } = await tollgate(["audit", "verify", "--file", "none.ndjson", "--key", key], {
    cwd: directory,
  });
  expect([code, stderr]).toEqual([2, expect.stringContaining("`--file none.ndjson`: ")]);
});
