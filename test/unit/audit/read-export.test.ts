/**
 * Goal: the verdict on an export is the same however it is read: by one thread or two, in whatever chunks, by the short ways or by
 * `JSON.parse` alone. Method: an export of many chains, most of them tampered with in seeded ways, read by each.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chunkSource } from "../../../src/audit/verify/export-source.ts";
import { readExport } from "../../../src/audit/verify/read-export.ts";
import { Verifier } from "../../../src/audit/verify/verifier.ts";
import { EXPORT_END, exportedChain, exportHead } from "../../support/audit-export.ts";
import { Random } from "../../support/random.ts";

const SEED = 20_261_122;
const directory = mkdtempSync(join(tmpdir(), "tollgate-read-export-"));

afterAll(() => rmSync(directory, { recursive: true }));

/** One thing that somebody does to some lines of one chain. */
function altered(lines: readonly string[], random: Random): string[] {
  const made = [...lines];
  const at = random.below(made.length);
  const line = made[at] ?? "";
  switch (random.below(11)) {
    case 0:
      made.splice(at, 1);
      break;
    case 1:
      made.splice(at, 0, line);
      break;
    case 2:
      made.push(made.splice(at, 1)[0] ?? "");
      break;
    case 3:
      made[at] = line.replace("allow", "deny");
      break;
    case 4:
      made[at] = line.slice(0, random.below(line.length));
      break;
    case 5:
      made[at] = `${line}\r`;
      break;
    case 6:
      made.splice(at, 0, "", "what is this", "[]");
      break;
    // A number at its beginning, and a text: the sequence, a hash or something else.
    case 7:
      made[at] = line.replace(/, (\d+), /, (_, seq: string) => `, ${Number(seq) + random.between(-2, 2)}, `);
      break;
    case 8:
      made[at] = line.replace(/[0-9a-f]{64}/, (hash) => hash.replaceAll(/[0-4]/g, "7"));
      break;
    case 9:
      made.reverse();
      break;
    default:
      made.length = at;
  }
  return made;
}

function exportOf(random: Random): readonly string[] {
  const chains = Array.from({ length: 40 }, (_, index) => exportedChain(`c${index}`, random.between(1, 90)));
  const links = chains.flatMap((chain) => (random.chance(0.3) ? altered(chain.links, random) : chain.links));
  const records = chains.flatMap((chain) => (random.chance(0.5) ? altered(chain.records, random) : chain.records));
  return [...exportHead(chains, mkdtempSync(join(directory, "log-"))), ...links, ...records, EXPORT_END];
}

/** A space that JSON allows and ClickHouse does not write: no line is read in short. */
function inFull(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^\["/, '[ "'));
}

async function* chunksOf(lines: readonly string[], size: number): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(lines.join("\n"));
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("an export", () => {
  it("is judged alike by one thread and by two, in large chunks and in small ones, in short and in full", async () => {
    const random = new Random(SEED);
    const kinds = new Set<string>();
    for (let run = 0; run < 3; run += 1) {
      const lines = exportOf(random);
      const reportOf = async (said: readonly string[], size: number, threads: number) => {
        // Some lines do not fit in the smallest.
        const blockBytes = random.between(500, 40_000);
        const verifier = new Verifier({ trusted: undefined });
        await readExport(verifier, chunkSource(chunksOf(said, size)), { threads, fromBytes: 0, blockBytes });
        return verifier.finish();
      };
      const alone = await reportOf(lines, 1_048_576, 1);
      const what = `seed ${SEED}, run ${run}`;
      for (const { kind } of alone.findings) kinds.add(kind);
      expect(await reportOf(lines, random.between(900, 9_000), 2), what).toEqual(alone);
      expect(await reportOf(lines, random.between(7, 900), 1), what).toEqual(alone);
      expect(await reportOf(lines, 65_536, 2), what).toEqual(alone);
      // What a damaged line is told as shows its beginning.
      const shown = (report: typeof alone) => ({
        ...report,
        findings: report.findings.map((finding) => ({
          ...finding,
          detail: finding.detail.replace('[ "', '["').slice(0, 60),
        })),
      });
      expect(shown(await reportOf(inFull(lines), 65_536, 1)), what).toEqual(shown(alone));
    }
    expect([...kinds].toSorted()).toEqual(["changed", "dropped", "export_damaged", "inserted", "truncated"]);
  });

  it("is complete, read by two threads, when nothing was done to it", async () => {
    const chains = [exportedChain("long", 700), exportedChain("short", 1), exportedChain("other", 64)];
    const head = exportHead(chains, mkdtempSync(join(directory, "log-")));
    const lines = [...head, ...chains.flatMap(({ links }) => links), ...chains.flatMap(({ records }) => records)];
    const verifier = new Verifier({ trusted: undefined });
    await readExport(verifier, chunkSource(chunksOf([...lines, EXPORT_END], 10_000)), { threads: 2, fromBytes: 0 });
    expect(verifier.finish()).toMatchObject({ complete: true, records: 765, chains: 3, unsigned: 0, open_chains: 3 });
  });

  it("that breaks off is told as its source tells it, with no thread left behind", async () => {
    async function* broken(): AsyncGenerator<Uint8Array, void> {
      yield* chunksOf(exportedChain("broken", 20).records, 2_000);
      throw new Error("the line went dead");
    }
    const verifier = new Verifier({ trusted: undefined });
    await expect(readExport(verifier, chunkSource(broken()), { threads: 2, fromBytes: 0 })).rejects.toThrow(
      "the line went dead",
    );
  });
});
