/**
 * Goal: what somebody does who can compute hashes too, and so leaves every record consistent in itself. Method: exports that are
 * built here, with links and signed checkpoints, and rewritten with hashes that fit.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { coveredKeys, linkHash, NO_LINK } from "@tollgate/instrumentation/audit";
import { afterAll, describe, expect, it } from "vitest";
import { CheckpointLog } from "../../../src/audit/checkpoint-log.ts";
import type { HeadOfChain } from "../../../src/audit/chain-book.ts";
import { EXPORT_FORM } from "../../../src/audit/export-form.ts";
import { SigningKeys } from "../../../src/audit/signing-keys.ts";
import type { Finding } from "../../../src/audit/verify/finding.ts";
import { Verifier } from "../../../src/audit/verify/verifier.ts";
import { readLines } from "../../support/read-lines.ts";

const CHAIN = "c0".repeat(16);
const START_MS = Date.UTC(2026, 10, 21, 12);
const directory = mkdtempSync(join(tmpdir(), "tollgate-verifier-"));

afterAll(() => rmSync(directory, { recursive: true }));

interface Made {
  readonly seq: number;
  readonly hash: string;
  readonly record: readonly unknown[];
  readonly link: readonly unknown[];
}

/** The record at a place, as the gate would have made it. */
function make(seq: number, prev: string, reason: string): Made {
  const spanId = Buffer.from(`${reason}${seq}`.padEnd(8).slice(-8)).toString("hex");
  const traceId = "ab".repeat(16);
  const end = `${START_MS + seq}000000`;
  const said = { "tollgate.agent.name": "bot", "tollgate.decision": "allow", "tollgate.decision.reason": reason };
  const { hashed } = coveredKeys(Object.keys(said));
  const values = hashed.keys.map((key) => said[key as keyof typeof said]);
  const head = {
    chain: CHAIN,
    seq: String(seq),
    prev,
    traceId,
    spanId,
    parentSpanId: "",
    start: end,
    end,
    status: "ok",
  };
  const hash = linkHash(head, { keys: hashed, values });
  const covered = {
    ...said,
    "tollgate.audit.chain": CHAIN,
    "tollgate.audit.seq": String(seq),
    "tollgate.audit.prev": prev,
    "tollgate.audit.hash": hash,
  };
  const columns = ["bot", "", "", "allow", "", "0", ""];
  return {
    seq,
    hash,
    record: ["record", traceId, spanId, "", end, end, "ok", covered, ...columns],
    link: ["link", CHAIN, seq, hash, prev, false, "bot", traceId, spanId, end, String(START_MS + seq)],
  };
}

function chainOf(length: number, { after = undefined as Made | undefined, reason = "as it was" } = {}): Made[] {
  const made: Made[] = [];
  for (let index = 0; index < length; index += 1) {
    const before = made.at(-1) ?? after;
    made.push(make((before?.seq ?? 0) + 1, before?.hash ?? NO_LINK, reason));
  }
  return made;
}

let logs = 0;

/** Checkpoints over a chain, after these places, so long after its records. */
function signed(chain: readonly Made[], places: readonly number[], laterMs = 1_000) {
  logs += 1;
  const keys = new SigningKeys({ file: join(directory, `keys-${logs}.json`), now: () => START_MS });
  const log = new CheckpointLog({ file: join(directory, `log-${logs}.ndjson`), signer: keys });
  log.open();
  const lines = places.map((place) => {
    const at = chain[place - 1];
    if (at === undefined) throw new Error(`no place ${place}`);
    const head: HeadOfChain = { chain: CHAIN, seq: place, hash: at.hash, missing: 0, isClosed: false };
    const { leaves, ...body } = log.append([head], START_MS + laterMs + place);
    const { number, size, root, time, previous, key, signature, frontier } = body;
    return [
      "checkpoint",
      body.log,
      number,
      size,
      root,
      time,
      previous,
      key,
      signature,
      JSON.stringify(leaves),
      frontier,
    ];
  });
  log.close();
  return { lines, keys: keys.published };
}

function verify(made: readonly Made[], checkpoints: ReturnType<typeof signed>): readonly Finding[] {
  const verifier = new Verifier({ trusted: undefined });
  const window = { since_ms: 0, until_ms: START_MS + 1e9, retained_from_ms: null, head: null, records_max: 1_000 };
  const times = { exported_ms: START_MS + 1e8, stored_to_ms: START_MS + 1e8, settled_to_ms: START_MS + 1e8 };
  const lines: unknown[] = [["export", EXPORT_FORM, { ...window, ...times }]];
  lines.push(...checkpoints.keys.map((key) => ["key", key]), ...checkpoints.lines);
  lines.push(...made.flatMap(({ link, record }) => [record, link]), ["end"]);
  readLines(
    verifier,
    lines.map((line) => JSON.stringify(line)),
  );
  return verifier.finish().findings;
}

describe("an export whose hashes all fit", () => {
  const chain = chainOf(10);

  it("is complete when nothing was done", () => {
    expect(verify(chain, signed(chain, [4, 10]))).toEqual([]);
    expect(verify(chain.toReversed(), signed(chain, [4, 10]))).toEqual([]);
  });

  it("is seen to be rewritten from a place on, because the checkpoints signed what was there", () => {
    const checkpoints = signed(chain, [4, 10]);
    const rewritten = [...chain.slice(0, 6), ...chainOf(4, { after: chain[5], reason: "as somebody likes it" })];
    expect(verify(rewritten, checkpoints)).toMatchObject([{ kind: "changed", from: 10 }]);
  });

  it("is seen to be forked, when records go on from one place twice", () => {
    const checkpoints = signed(chain, [10]);
    const branch = chainOf(3, { after: chain[5], reason: "another line" });
    const findings = verify([...chain, ...branch], checkpoints);
    expect(findings.map(({ kind, from }) => [kind, from])).toEqual([
      ["forked", 7],
      ["forked", 8],
      ["inserted", 9],
    ]);
  });

  it("is seen to be longer than what was signed, once later checkpoints were", () => {
    const longer = [...chain, ...chainOf(1, { after: chain[9], reason: "put behind" })];
    expect(verify(longer, signed(chain, [10]))).toEqual([]);
    const hourLater = signed(chain, [9, 10], 3_600_000);
    expect(verify(longer, hourLater)).toMatchObject([{ kind: "inserted", from: 11 }]);
  });

  it("is seen to be cut off before what was signed", () => {
    expect(verify(chain.slice(0, 7), signed(chain, [10]))).toMatchObject([{ kind: "truncated", from: 8, to: 10 }]);
  });

  it("is not believed under checkpoints of another key", () => {
    const strange = signed(chain, [10]);
    const own = signed(chain, [10]);
    expect(verify(chain, { lines: strange.lines, keys: own.keys })).toMatchObject([{ kind: "wrong_key" }]);
  });

  it("is believed under a key that the first one endorsed", () => {
    const file = join(directory, "rotated.json");
    const keys = new SigningKeys({ file, now: () => START_MS });
    const first = keys.current;
    keys.rotate();
    const log = new CheckpointLog({
      file: join(directory, "rotated.ndjson"),
      signer: new SigningKeys({ file, now: () => 0 }),
    });
    log.open();
    expect(log.append([], START_MS).key).toBe(keys.current.id);
    log.close();
    expect(keys.published).toHaveLength(2);
    expect(keys.published[1]?.endorsed_by).toBe(first.id);
  });
});

describe("the log of checkpoints", () => {
  it("goes on after a torn line, and refuses one that was altered", () => {
    const file = join(directory, "torn.ndjson");
    const signer = new SigningKeys({ file: join(directory, "torn-keys.json"), now: () => START_MS });
    const open = (): CheckpointLog => {
      const log = new CheckpointLog({ file, signer });
      log.open();
      return log;
    };
    const head: HeadOfChain = { chain: CHAIN, seq: 1, hash: "ab".repeat(32), missing: 0, isClosed: false };
    let log = open();
    const first = log.append([head], START_MS);
    log.close();
    appendFileSync(file, '{"log":"half of a li');
    log = open();
    expect(log.last).toEqual(first);
    expect(log.append([head, head], START_MS + 1)).toMatchObject({ number: 2, size: 3, log: first.log });
    log.close();
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"size":3', '"size":2'));
    expect(open).toThrow("the last checkpoint is damaged");
  });
});
