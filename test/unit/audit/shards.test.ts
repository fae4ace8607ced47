/** Goal: an export that is verified on threads gives the report of one that is verified on none. Method: both, over exports with every kind of mistake. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { coveredKeys, linkHash, NO_LINK } from "@tollgate/instrumentation/audit";
import { afterAll, expect, it } from "vitest";
import type { HeadOfChain } from "../../../src/audit/chain-book.ts";
import { CheckpointLog } from "../../../src/audit/checkpoint-log.ts";
import { EXPORT_FORM } from "../../../src/audit/export-form.ts";
import { SigningKeys } from "../../../src/audit/signing-keys.ts";
import type { VerifyReport } from "../../../src/audit/verify/finding.ts";
import { verifyExport } from "../../../src/audit/verify/shards.ts";

const START_MS = Date.UTC(2026, 10, 21, 12);
const CHAINS = ["00", "01", "02", "3f", "c5", "ff"].map((digits) => digits.repeat(16));
const PLACES = 20;
const directory = mkdtempSync(join(tmpdir(), "tollgate-shards-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Made {
  readonly hash: string;
  readonly lines: readonly [link: unknown, record: unknown];
}

function make(chain: string, seq: number, prev: string): Made {
  const [traceId, spanId] = ["ab".repeat(16), Buffer.from(`${chain.slice(0, 2)}${seq}`.padEnd(8)).toString("hex")];
  const end = `${START_MS + seq}000000`;
  const said = { "tollgate.agent.name": `bot-${chain.slice(0, 2)}`, "tollgate.decision": "allow" };
  const { hashed } = coveredKeys(Object.keys(said));
  const values = hashed.keys.map((key) => said[key as keyof typeof said]);
  const head = { chain, seq: String(seq), prev, traceId, spanId, parentSpanId: "", start: end, end, status: "ok" };
  const hash = linkHash(head, { keys: hashed, values });
  const place = { chain, seq: String(seq), prev, hash };
  const audit = Object.fromEntries(Object.entries(place).map(([key, value]) => [`tollgate.audit.${key}`, value]));
  const agent = said["tollgate.agent.name"];
  return {
    hash,
    lines: [
      ["link", chain, seq, hash, prev, false, agent, traceId, spanId, end, String(START_MS + seq)],
      ["record", traceId, spanId, "", end, end, "ok", { ...said, ...audit }, agent, "", "", "allow", "", "0", ""],
    ],
  };
}

/** The lines of a whole export, as text. */
const exported = ((): readonly string[] => {
  const keys = new SigningKeys({ file: join(directory, "keys.json"), now: () => START_MS });
  const log = new CheckpointLog({ file: join(directory, "log.ndjson"), signer: keys });
  log.open();
  const heads: HeadOfChain[] = [];
  const lines = CHAINS.flatMap((chain) => {
    const made: Made[] = [];
    for (let seq = 1; seq <= PLACES; seq += 1) made.push(make(chain, seq, made.at(-1)?.hash ?? NO_LINK));
    heads.push({ chain, seq: PLACES, hash: made.at(-1)?.hash ?? "", missing: 0, isClosed: false });
    return made.flatMap((each) => each.lines);
  });
  const { leaves, frontier, ...body } = log.append(heads, START_MS + 60_000);
  log.close();
  const { number, size, root, time, previous, key, signature } = body;
  const signed = [body.log, number, size, root, time, previous, key, signature, JSON.stringify(leaves), frontier];
  const window = { since_ms: 0, until_ms: START_MS + 1e9, retained_from_ms: null, head: null, records_max: 1_000 };
  const times = { exported_ms: START_MS + 1e8, stored_to_ms: START_MS + 1e8, settled_to_ms: START_MS + 1e8 };
  const first = [["export", EXPORT_FORM, { ...window, ...times }], ...keys.published.map((each) => ["key", each])];
  return [...first, ["checkpoint", ...signed], ...lines, ["end"]].map((line) => JSON.stringify(line));
})();

/** In pieces that end anywhere. */
function verify(lines: readonly string[], threads: number): Promise<VerifyReport> {
  const bytes = Buffer.from(lines.join("\n"));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 4_099) pieces.push(bytes.subarray(at, at + 4_099));
  return verifyExport(Readable.from(pieces), { trusted: undefined, threads, quietBytes: 0 });
}

function sorted({ findings, ...report }: VerifyReport): unknown {
  return { ...report, findings: findings.map((each) => JSON.stringify(each)).toSorted() };
}

const isOf = (line: string, chain: string | undefined): boolean => chain !== undefined && line.includes(chain);
interface Mistake {
  readonly name: string;
  readonly change: (lines: readonly string[]) => readonly string[];
}

const MISTAKES: readonly Mistake[] = [
  { name: "nothing", change: (lines) => lines },
  { name: "a record gone", change: (lines) => lines.filter((line) => !line.includes('seq":"7"')) },
  {
    name: "a chain gone",
    change: (lines) => lines.filter((line) => line.startsWith('["ch') || !isOf(line, CHAINS[3])),
  },
  {
    name: "a record changed",
    change: (lines) => lines.map((line) => line.replace(/"bot-c5"(?=,"tollgate.d)/, '"bad"')),
  },
  { name: "no end", change: (lines) => lines.slice(0, -1) },
  { name: "no first line", change: (lines) => lines.slice(1) },
  { name: "what is no line", change: (lines) => [...lines.slice(0, 9), "{", '["other"]', ...lines.slice(9)] },
  { name: "another tree", change: (lines) => lines.map((line) => line.replace(/"c5c5/, '"c6c5')) },
  { name: "records of no chain", change: (lines) => lines.map((line) => line.replace('audit.hash"', 'audit.hush"')) },
  {
    name: "more than it holds",
    change: (lines) => lines.map((line) => line.replace(":1000}", ":120}").replace(":1000,", ":120,")),
  },
];

it.each(MISTAKES)("finds on threads what it finds on none: $name", async ({ name, change }) => {
  const lines = change(exported);
  const alone = await verify(lines, 1);
  expect(sorted(await verify(lines, 3))).toEqual(sorted(alone));
  expect(alone.complete).toBe(name === "nothing");
});

it("rejects with what the export ends in", async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${exported[0]}\n`);
    throw new Error("connection reset");
  }
  await expect(verifyExport(broken(), { trusted: undefined, threads: 2, quietBytes: 0 })).rejects.toThrow("reset");
});
