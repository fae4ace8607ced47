/**
 * Goal: pages say of a chain what objects said, and the short verdict on a chain is the one that looking at each place would give.
 * Method: seeded chains with seeded mistakes, in both forms, under seeded windows and leaves.
 */
import { createHash } from "node:crypto";
import { NO_LINK } from "@tollgate/instrumentation/audit";
import { describe, expect, it } from "vitest";
import { checkChain, type ChainTask } from "../../../src/audit/verify/chain-check.ts";
import { ChainEvidence, type EvidenceLink, type Place } from "../../../src/audit/verify/chain-evidence.ts";
import type { SignedLeaf } from "../../../src/audit/verify/checkpoint-check.ts";
import { Findings } from "../../../src/audit/verify/finding.ts";
import { wholeVerdict } from "../../../src/audit/verify/whole-chain.ts";
import { Random } from "../../support/random.ts";

const SEED = 4_711;
const CHAIN = "c0".repeat(16);

interface Link extends EvidenceLink {
  readonly seq: number;
}

type Said = { readonly what: "link" | "record"; readonly link: Link };

function hex(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}

function chainOf(from: number, length: number): Link[] {
  const hashAt = (seq: number): string => (seq === 0 ? NO_LINK : hex(`hash ${seq}`, 64));
  return Array.from({ length }, (_, index) => {
    const seq = from + index;
    const isClosed = index === length - 1 && seq % 3 === 0;
    const ids = { spanId: hex(`span ${seq}`, 16), traceId: hex(`trace ${seq}`, 32) };
    return {
      seq,
      hash: hashAt(seq),
      prev: hashAt(seq - 1),
      isClosed,
      ...ids,
      endMs: seq * 10,
      receivedMs: seq * 10 + 5,
    };
  });
}

/** What somebody makes of a chain whose links and records agree: another past at one place, or a place taken out and closed over. */
function forged(links: Link[], random: Random): Link[] {
  const at = random.chance(0.5) ? 0 : random.below(links.length);
  const link = links[at];
  if (link === undefined || !random.chance(0.2)) return links;
  const next = links[at + 1];
  if (next !== undefined && random.chance(0.5)) links.splice(at, 2, { ...next, prev: link.prev });
  else links[at] = { ...link, prev: hex("another past", 64) };
  return links;
}

/** What is said of a chain, with up to one mistake. */
function saidOf(random: Random): Said[] {
  const links = forged(chainOf(random.chance(0.6) ? 1 : random.between(2, 200), random.between(1, 150)), random);
  const said: Said[] = [
    ...links.map((link): Said => ({ what: "link", link })),
    ...links.map((link): Said => ({ what: "record", link })),
  ];
  const at = random.below(said.length);
  const { what, link } = said[at] as Said;
  const other = (change: Partial<Link>): Said => ({ what, link: { ...link, ...change } });
  switch (random.below(12)) {
    case 0:
      said.splice(at, 1);
      break;
    case 1:
      said.push(other({}));
      break;
    case 2:
      said[at] = other({ hash: hex("another", 64) });
      break;
    case 3:
      said.push(other({ hash: hex("another", 64) }));
      break;
    case 4:
      said[at] = other({ prev: hex("another", 64) });
      break;
    case 5:
      said[at] = other({ spanId: hex("another", 16) });
      break;
    case 6:
      said[at] = other({ seq: link.seq + random.between(-1, 2) });
      break;
    case 7:
      said[at] = other({ hash: "no hash", spanId: "no span" });
      break;
    case 8:
      // The first record was before the window.
      said.splice(links.length, 1);
      break;
    default:
  }
  return random.chance(0.3) ? said.toSorted(() => random.next() - 0.5) : said;
}

function evidenceOf(said: readonly Said[]): ChainEvidence {
  const evidence = new ChainEvidence();
  for (const { what, link } of said) {
    const { seq, ...rest } = link;
    if (what === "link") evidence.addLink(seq, rest);
    else evidence.addWhole(link);
  }
  return evidence;
}

/** The same by objects alone. */
function placesOf(said: readonly Said[]): ReadonlyMap<number, Place> {
  const places = new Map<number, Place>();
  for (const { what, link } of said) {
    const { seq, ...rest } = link;
    const place = places.get(seq) ?? { seq, links: [], whole: [], broken: [], truth: undefined };
    places.set(seq, place);
    const { hash, prev, spanId } = rest;
    if (what === "record") place.whole = [...place.whole, { hash, prev, spanId }];
    else if (!place.links.some((known) => known.hash === hash && known.spanId === spanId))
      place.links = [...place.links, rest];
  }
  return places;
}

function taskOf(said: readonly Said[], random: Random): Omit<ChainTask, "evidence" | "findings"> {
  const leaves: SignedLeaf[] = [];
  for (const { what, link } of said) {
    if (what !== "link" || !random.chance(0.05)) continue;
    const hash = random.chance(0.03) ? hex("signed otherwise", 64) : link.hash;
    const seq = random.chance(0.03) ? link.seq + 40 : link.seq;
    leaves.push({ leaf: [CHAIN, seq, hash, 0, false], number: leaves.length + 1, atMs: link.receivedMs, sinceMs: 0 });
  }
  const sinceMs = random.pick([0, 0, 15, 300, 1_500]);
  const window = {
    sinceMs,
    untilMs: random.pick([1e9, 1e9, 900]),
    retainedFromMs: random.chance(0.5) ? undefined : random.pick([100, 1e9]),
    storedToMs: random.pick([1e9, 500]),
    settledToMs: random.pick([1e9, 500]),
  };
  return { chain: CHAIN, leaves, window, signedUpToMs: random.pick([0, 2_000, 1e9]) };
}

describe("what is known of a chain", () => {
  it("is the same on pages as in objects, and its short verdict that of looking at each place", () => {
    const random = new Random(SEED);
    const seen = { short: 0, found: 0 };
    for (let run = 0; run < 2_000; run += 1) {
      const what = `seed ${SEED}, run ${run}`;
      const said = saidOf(random);
      const task = taskOf(said, random);
      const evidence = evidenceOf(said);
      const findings = new Findings();
      const short = wholeVerdict({ ...task, evidence, findings });
      expect(
        [...evidence.places.values()].toSorted((a, b) => a.seq - b.seq),
        what,
      ).toEqual([...placesOf(said).values()].toSorted((a, b) => a.seq - b.seq));
      const full = checkChain({ ...task, evidence, findings });
      if (findings.list.length > 0) seen.found += 1;
      if (short === undefined) continue;
      seen.short += 1;
      expect(findings.list, what).toEqual([]);
      expect(short, what).toEqual(full);
    }
    expect(seen.short).toBeGreaterThan(250);
    expect(seen.found).toBeGreaterThan(400);
  });

  it("is judged in short when nothing is wrong", () => {
    const window = { sinceMs: 0, untilMs: 1e9, retainedFromMs: undefined, storedToMs: 1e9, settledToMs: 1e9 };
    const links = chainOf(1, 300);
    const said = links.flatMap((link): Said[] => [
      { what: "record", link },
      { what: "link", link },
    ]);
    const leaf = [CHAIN, 290, links[289]?.hash ?? "", 0, false] as const;
    const leaves = [{ leaf, number: 1, atMs: 5_000, sinceMs: 0 }];
    const task = { chain: CHAIN, leaves, window, signedUpToMs: 5_000, findings: new Findings() };
    expect(wholeVerdict({ ...task, evidence: evidenceOf(said) })).toEqual({ isOpen: false, expired: 0, unsigned: 10 });
  });
});
