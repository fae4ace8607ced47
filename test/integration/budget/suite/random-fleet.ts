/**
 * Random processes over any ledger, held to an independent oracle. Goal: I1 (no budget can ever be overspent by what the
 * ledger has handed out), I3 (doubled, late and reordered reports count once) and I5 (a crash forgets nothing that was
 * acknowledged). Method: the oracle keeps its own sums of what each lease was last told and has reported, by its own simple
 * reading of the budgets, and never asks the ledger's rules. The seed is in the test's name; `TOLLGATE_LEDGER_SEEDS` runs more.
 */
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import type { Budget } from "../../../../src/budget/budget.ts";
import { makeBudget, usd } from "../../../unit/budget/make-budget.ts";
import { Random } from "../../../support/random.ts";
import { Fleet, GRACE_MS, type OpenStage, TTL_MS } from "./stage.ts";

const STEPS = 100;
const CALLERS = 4;
const SEEDS = Number(process.env["TOLLGATE_LEDGER_SEEDS"] ?? 2);
const TEAMS = ["a", "b", "c"] as const;

const BUDGETS: readonly Budget[] = [
  makeBudget({ name: "all", limit: 10_000n }),
  makeBudget({ name: "team", each: "team", limit: 4_000n }),
  makeBudget({ name: "soft", mode: "soft", limit: 100n }),
];

interface Held {
  readonly id: string;
  readonly processId: string;
  readonly team: string;
  seq: number;
  granted: number;
  spent: number;
  isOver: boolean;
}

class Oracle {
  readonly leases: Held[] = [];
  foreign = new Map<string, number>();

  /** What all leases of a team may have spent or have: nobody can spend more than that. */
  most(team?: string): number {
    let sum = 0;
    for (const lease of this.leases) {
      if (team === undefined || lease.team === team)
        sum += lease.isOver ? lease.spent : Math.max(lease.granted, lease.spent);
    }
    return sum + this.#foreign(team);
  }

  spent(team?: string): number {
    const own = this.leases.filter((lease) => team === undefined || lease.team === team);
    return own.reduce((sum, { spent }) => sum + spent, 0) + this.#foreign(team);
  }

  #foreign(team?: string): number {
    if (team !== undefined) return this.foreign.get(team) ?? 0;
    return [...this.foreign.values()].reduce((sum, amount) => sum + amount, 0);
  }
}

export function describeRandomFleet(open: OpenStage): void {
  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    "never hands out more than there is, counts everything once and forgets nothing (seed %i)",
    async (seed) => {
      const random = new Random(seed);
      const fleet = await Fleet.open(open, BUDGETS);
      const oracle = new Oracle();
      for (let step = 0; step < STEPS; step += 1) {
        if (step === STEPS / 2) await fleet.crash();
        await Promise.all(pickLeases(random, oracle).map((lease) => act(random, fleet, lease)));
        if (random.chance(0.05)) await observe(random, fleet, oracle, step);
        expect(oracle.most()).toBeLessThanOrEqual(10_000);
        for (const team of TEAMS) expect(oracle.most(team)).toBeLessThanOrEqual(4_000);
        if (step % 25 === 0) await checkBooks(fleet, oracle);
      }
      await finish(random, fleet, oracle);
    },
  );
}

/** Different leases, each with one message under way at a time; some new, some old. */
function pickLeases(random: Random, oracle: Oracle): Held[] {
  const picked = new Set<Held>();
  while (picked.size < CALLERS) {
    const open = oracle.leases.filter((lease) => !lease.isOver && !picked.has(lease));
    if (open.length === 0 || (open.length < 12 && random.chance(0.3))) {
      const id = `l${oracle.leases.length}`;
      const lease = { id, processId: `p-${id}`, team: random.pick(TEAMS), seq: 0, granted: 0, spent: 0, isOver: false };
      oracle.leases.push(lease);
      picked.add(lease);
    } else picked.add(random.pick(open));
  }
  return [...picked];
}

async function act(random: Random, fleet: Fleet, lease: Held): Promise<void> {
  const before = lease.spent;
  lease.spent = random.between(lease.spent, Math.max(lease.spent, lease.granted));
  const { processId, id: leaseId } = lease;
  if (random.chance(0.15)) {
    await fleet.close(leaseId, lease.spent, processId);
    lease.isOver = true;
    if (random.chance(0.5)) await fleet.close(leaseId, before, processId);
    return;
  }
  lease.seq += 1;
  const target = lease.spent + random.below(900);
  const need = random.chance(0.5) ? target : Math.min(target, lease.spent + random.below(50));
  const command = {
    processId,
    leaseId,
    seq: lease.seq,
    labels: { team: lease.team },
    settled: usd(lease.spent),
    need: usd(need),
    target: usd(target),
    ahead: usd(random.below(100)),
    waitMs: random.chance(0.2) ? 30 : 0,
  };
  const answer = await fleet.acquire(command);
  expect(answer.outcome).not.toBe("lost");
  if (answer.outcome === "lost") return;
  lease.granted = Number(answer.granted.nanoUsd);
  if (random.chance(0.2)) {
    const again = await fleet.acquire(
      random.chance(0.5) ? command : { ...command, seq: lease.seq - 1, settled: usd(before) },
    );
    if (!isDeepStrictEqual(again, { ...again, granted: answer.granted })) throw new Error(`told otherwise: ${leaseId}`);
  }
}

/** Foreign spend, some of it sent twice. Small, and only where it fits: what passes a limit is another test's. */
async function observe(random: Random, fleet: Fleet, oracle: Oracle, step: number): Promise<void> {
  const team = random.pick(TEAMS);
  const amount = random.between(1, 20);
  if (oracle.most(team) + amount > 4_000 || oracle.most() + amount > 10_000) return;
  const entry = { labels: { team }, amounts: usd(amount) };
  for (let copy = random.between(1, 3); copy > 0; copy -= 1) await fleet.observe([entry], `block-${step}`);
  oracle.foreign.set(team, (oracle.foreign.get(team) ?? 0) + amount);
}

async function checkBooks(fleet: Fleet, oracle: Oracle): Promise<void> {
  const [settled, reserved] = await fleet.books("all");
  expect(settled).toBe(BigInt(oracle.spent()));
  expect(settled + reserved).toBe(BigInt(oracle.most()));
}

/** Some leases are closed, the others never heard of again: in the end nothing is held. */
async function finish(random: Random, fleet: Fleet, oracle: Oracle): Promise<void> {
  for (const lease of oracle.leases.filter(({ isOver }) => !isOver)) {
    if (random.chance(0.7)) await fleet.close(lease.id, lease.spent, lease.processId);
  }
  await fleet.crash();
  await fleet.advance(TTL_MS + 1);
  await fleet.advance(GRACE_MS + 1);
  expect(await fleet.books("all")).toEqual([BigInt(oracle.spent()), 0n]);
}
