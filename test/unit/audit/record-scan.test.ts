/**
 * Goal: the short way of reading an export says of no record that it is whole where the long way would not, whatever somebody did
 * to the line. Method: lines of odd records as ClickHouse writes them, altered in thousands of seeded ways, through both ways.
 */
import { createHash } from "node:crypto";
import { coveredKeys, LINK_FORM, linkHash, sealOf } from "@tollgate/instrumentation/audit";
import { describe, expect, it } from "vitest";
import { type HashedLine, readHashedLine } from "../../../src/audit/verify/hashed-line.ts";
import { LinkScan } from "../../../src/audit/verify/link-scan.ts";
import { checkRecord } from "../../../src/audit/verify/record-check.ts";
import { RecordScan } from "../../../src/audit/verify/record-scan.ts";
import { ChainEvidence, type LinkLine, linkOf, type Place } from "../../../src/audit/verify/chain-evidence.ts";
import { EvidenceRows, IS_REDACTED } from "../../../src/audit/verify/evidence-rows.ts";

const SEED = 20_261_123;
const CHAIN = "c0".repeat(16);

/** From 0 to below. */
type Random = (below: number) => number;

function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.trunc((state / 2 ** 32) * below);
  };
}

const ODD = [
  "",
  "a",
  'say "no"',
  "c:\\dir\\",
  "line\nline\ttab",
  "zoë",
  "日本語 😀",
  "a/b",
  ',"',
  '","',
  "\u0001",
  "\u2028",
  "x".repeat(300),
];

interface Said {
  readonly line: HashedLine;
  readonly text: string;
}

/** As ClickHouse writes it. */
function written(line: readonly unknown[]): string {
  return `[${line.map((column) => JSON.stringify(column)).join(", ")}]`;
}

function recordOf(random: Random): Said {
  const odd = (): string => ODD[random(ODD.length)] ?? "";
  const said: Record<string, string> = {
    "tollgate.agent.name": odd(),
    "tollgate.decision": random(2) === 0 ? "allow" : "deny",
    "tollgate.decision.reason": odd(),
    "gen_ai.operation.name": random(2) === 0 ? "chat" : "execute_tool",
    "gen_ai.request.model": odd(),
  };
  if (random(2) === 0) said["gen_ai.response.model"] = odd();
  if (random(2) === 0) said["gen_ai.tool.name"] = odd();
  if (random(2) === 0) said["tollgate.decision.rule"] = odd();
  if (random(2) === 0)
    Object.assign(said, { "tollgate.cost.status": "exact", "tollgate.cost.nano_usd": String(random(1e6)) });
  const isSealed = random(3) > 0;
  const hidden: Record<string, string> = isSealed ? { "tollgate.session.id": odd(), "user.id": odd() } : {};
  const { sealed } = coveredKeys(Object.keys(hidden));
  const salt = "0a".repeat(16);
  const sealValues = sealed.keys.map((key) => hidden[key] ?? "");
  if (isSealed) said["tollgate.audit.seal"] = sealOf(salt, { keys: sealed, values: sealValues });
  const { hashed } = coveredKeys(Object.keys(said));
  const values = hashed.keys.map((key) => said[key] ?? "");
  const head = {
    chain: CHAIN,
    seq: String(1 + random(1_000)),
    prev: createHash("sha256")
      .update(String(random(1_000)))
      .digest("hex"),
    traceId: "ab".repeat(16),
    spanId: "cd".repeat(8),
    parentSpanId: random(2) === 0 ? "" : "ef".repeat(8),
    start: "1763748000000000000",
    end: "1763748000250000000",
    status: "ok",
  };
  const status = said["tollgate.cost.status"] ?? "";
  const line: HashedLine = [
    "hashed",
    [LINK_FORM, ...Object.values(head), hashed.digest, ...values],
    linkHash(head, { keys: hashed, values }),
    hashed.keys,
    isSealed && random(4) > 0 ? [LINK_FORM, salt, sealed.digest, ...sealValues] : [],
    sealed.keys,
    false,
    said["tollgate.agent.name"] ?? "",
    said["gen_ai.tool.name"] ?? "",
    (said["gen_ai.response.model"] ?? "") || (said["gen_ai.request.model"] ?? ""),
    said["tollgate.decision"] ?? "",
    said["tollgate.decision.rule"] ?? "",
    said["tollgate.cost.nano_usd"] ?? "0",
    status,
  ];
  return { line, text: written(line) };
}

interface Verdict {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly prev: string;
  readonly spanId: string;
  readonly isRedacted: boolean;
}

interface Scan {
  scan(bytes: Buffer, line: { readonly from: number; readonly to: number }, rows: EvidenceRows): boolean;
}

interface Scanned {
  readonly chain: string;
  readonly agent: string;
  readonly isRedacted: boolean;
  readonly place: Place;
}

/** What a chain knows of the one place that a short way has read; `undefined` where it has read none. */
function scanned(scan: Scan, bytes: Buffer): Scanned | undefined {
  const rows = EvidenceRows.of(bytes.length);
  if (!scan.scan(bytes, { from: 0, to: bytes.length }, rows)) return undefined;
  const evidence = new ChainEvidence();
  evidence.addRow(rows, 0);
  const [place] = evidence.places.values();
  if (place === undefined) throw new Error("a row without a place");
  const isRedacted = ((rows.kinds[0] ?? 0) & IS_REDACTED) !== 0;
  return { chain: rows.chainIds[0] ?? "", agent: rows.agents[0] ?? "", isRedacted, place };
}

/** By the short way. */
function inShort(scan: RecordScan, bytes: Buffer): Verdict | undefined {
  const read = scanned(scan, bytes);
  const [whole] = read?.place.whole ?? [];
  if (read === undefined || whole === undefined) return undefined;
  return { chain: read.chain, seq: read.place.seq, ...whole, isRedacted: read.isRedacted };
}

/** By the long way; `undefined` for all that is not whole. */
function inFull(text: string): Verdict | undefined {
  try {
    const { record, isOdd } = readHashedLine(JSON.parse(text) as HashedLine);
    const checked = checkRecord(record, isOdd);
    if (checked === undefined || checked.problem !== "") return undefined;
    const { chain, seq, hash, prev, isRedacted } = checked;
    return { chain, seq, hash, prev, spanId: record[2], isRedacted };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** One thing that somebody does to a line. */
function altered({ line, text }: Said, random: Random): Buffer {
  const bytes = Buffer.from(text);
  const at = random(bytes.length);
  const columns = structuredClone(line) as unknown as unknown[] & {
    1: string[];
    3: string[];
    4: string[];
    5: string[];
  };
  const list = columns[([1, 3, 4, 5] as const)[random(4)] ?? 1];
  const place = random(Math.max(1, list.length));
  switch (random(12)) {
    case 0:
      bytes[at] = random(256);
      return bytes;
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(3))]);
    case 2:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(['"', ",", "\\", " ", '","', "\\u0061", "[", "]"][random(8)] ?? ""),
        bytes.subarray(at),
      ]);
    case 3:
      list[place] = ODD[random(ODD.length)] ?? "";
      break;
    case 4:
      list.splice(place, 1);
      break;
    case 5:
      list.splice(place, 0, list[random(Math.max(1, list.length))] ?? "x");
      break;
    case 6:
      list.push(list.shift() ?? "");
      break;
    // The columns that people read.
    case 7:
      columns[7 + random(7)] = ODD[random(ODD.length)] ?? "";
      break;
    case 8:
      columns[6] = random(2) === 0 ? 1 : !line[6];
      break;
    // Another way to write the same.
    case 9:
      return Buffer.from(text.replace("allow", "\\u0061llow").replace("a/b", "a\\/b").replace("zoë", "zo\\u00eb"));
    // Text and hash together.
    case 10: {
      columns[1][11 + random(3)] = "allow";
      const own = JSON.stringify(columns[1]);
      columns[2] = createHash("sha256").update(own).digest("hex");
      break;
    }
    // The same in spaces of JSON.
    default:
      return Buffer.from(random(2) === 0 ? JSON.stringify(line) : `${text} `);
  }
  return Buffer.from(written(columns));
}

describe("the short way to read a record", () => {
  it("is taken by a record as it was exported, whatever its values are, and says what the long way says", () => {
    const random = randomOf(SEED);
    const scan = new RecordScan();
    let short = 0;
    for (let run = 0; run < 500; run += 1) {
      const { text } = recordOf(random);
      const bytes = Buffer.from(text);
      const whole = inShort(scan, bytes);
      const full = inFull(text);
      expect(full, `seed ${SEED}, run ${run}`).toBeDefined();
      // Control characters are written otherwise by ClickHouse than by JavaScript, and left to the long way.
      expect(whole ?? (text.includes(String.raw`\u0001`) ? full : undefined), text).toEqual(full);
      if (whole !== undefined) short += 1;
    }
    expect(short).toBeGreaterThan(250);
  });

  it("says of nothing that was done to a line that it is whole, where the long way does not", () => {
    const random = randomOf(SEED + 1);
    const scan = new RecordScan();
    const found = { whole: 0, broken: 0 };
    for (let run = 0; run < 5_000; run += 1) {
      const bytes = altered(recordOf(random), random);
      const whole = inShort(scan, bytes);
      const full = inFull(bytes.toString());
      expect(whole ?? full, `seed ${SEED + 1}, run ${run}: ${bytes.toString()}`).toEqual(full);
      found[full === undefined ? "broken" : "whole"] += 1;
    }
    expect(found.broken).toBeGreaterThan(2_500);
    expect(found.whole).toBeGreaterThan(300);
  });

  it("is not taken by text that is not UTF-8, whatever its hash", () => {
    const { text } = recordOf(() => 0);
    const list = /\["tollgate-audit-1",.*?\](?=, ")/.exec(text)?.[0] ?? "";
    const bad = Buffer.from(list.replace('"allow"', '"allo\u0000"'));
    bad[bad.indexOf(0)] = 0xff;
    const hash = createHash("sha256").update(bad).digest("hex");
    const [before = "", after = ""] = text.split(list);
    const line = Buffer.concat([Buffer.from(before), bad, Buffer.from(after.replace(/"[0-9a-f]{64}"/, `"${hash}"`))]);
    expect(inShort(new RecordScan(), line)).toBeUndefined();
    expect(inFull(line.toString())).toBeUndefined();
  });

  it("is not taken by keys that are not UTF-8, whatever their digest", () => {
    const { line } = recordOf(() => 0);
    const keys = Buffer.from(JSON.stringify([...line[3], "tollgate.z\u0000"]).replaceAll(String.raw`\u0000`, "\u0000"));
    keys[keys.indexOf(0)] = 0xff;
    const digest = createHash("sha256").update(keys).digest("hex");
    const list = JSON.stringify([...line[1].slice(0, 10), digest, ...line[1].slice(11), "value"]);
    const hash = createHash("sha256").update(list).digest("hex");
    const end = line.slice(4).map((column) => JSON.stringify(column));
    const parts = [`["hashed", ${list}, "${hash}", `, keys, `, ${end.join(", ")}]`].map((part) => Buffer.from(part));
    const bytes = Buffer.concat(parts);
    expect(inFull(bytes.toString())).toBeUndefined();
    expect(scanned(new RecordScan(), bytes)).toBeUndefined();
  });

  it.each([
    ["a cost that its column hides", (line: unknown[]) => line.fill("", 13)],
    ["a decision that its column turns round", (line: unknown[]) => line.fill("deny", 10, 11)],
    ["an agent that its column renames", (line: unknown[]) => line.fill("somebody", 7, 8)],
    ["a model that its column renames", (line: unknown[]) => line.fill("gpt-0", 9, 10)],
  ])("finds %s", (_what, change) => {
    const { line } = recordOf(() => 0);
    const bytes = Buffer.from(written(change([...line])));
    expect(inFull(written(line))).toBeDefined();
    expect(inShort(new RecordScan(), bytes)).toBeUndefined();
    expect(inFull(bytes.toString())).toBeUndefined();
  });
});

describe("the short way to read a link", () => {
  const line: LinkLine = [
    "link",
    CHAIN,
    7,
    "ab".repeat(32),
    "cd".repeat(32),
    false,
    "bot",
    "ef".repeat(16),
    "01".repeat(8),
    "1763748000250000000",
    "1763748000251",
  ];

  it("reads what the long way reads, or nothing, whatever was done to it", () => {
    const random = randomOf(SEED + 2);
    const scan = new LinkScan();
    let read = 0;
    for (let run = 0; run < 3_500; run += 1) {
      const bytes = Buffer.from(written(line));
      const at = random(bytes.length);
      if (random(2) === 0) bytes[at] = random(256);
      const altered = random(3) === 0 ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(3))]) : bytes;
      const short = scanned(scan, altered);
      if (short === undefined) continue;
      read += 1;
      const full = JSON.parse(altered.toString()) as LinkLine;
      const place = { seq: full[2], links: [linkOf(full)], whole: [], broken: [], truth: undefined };
      expect(short, `seed ${SEED + 2}, run ${run}`).toEqual({
        chain: full[1],
        agent: full[6],
        isRedacted: false,
        place,
      });
    }
    expect(read).toBeGreaterThan(1_500);
  });
});
