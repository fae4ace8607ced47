/** Where the suite runs: the local store on a real directory, and three replicas over a real redis-server. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { LedgerNotice, StoredLedger } from "../../../../src/budget/ledger-notice.ts";
import { createLocalLedger } from "../../../../src/budget/local/create-local-ledger.ts";
import { createValkeyLedger } from "../../../../src/budget/valkey/create-valkey-ledger.ts";
import { RunningClock } from "../../../support/running-clock.ts";
import type { RedisServer } from "../../../support/redis-server.ts";
import { GRACE_MS, type Stage, TTL_MS } from "./stage.ts";

const REPLICAS = 3;
const MOVE = "for _, field in ipairs({'offset', 'seen'}) do redis.call('HINCRBY', KEYS[1], field, ARGV[1]) end";

export async function openLocalStage(budgets: readonly Budget[]): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-ledger-"));
  const clock = new RunningClock();
  const notices: LedgerNotice[] = [];
  const make = (): StoredLedger =>
    createLocalLedger({
      dir,
      budgets,
      clock,
      leaseTtlMs: TTL_MS,
      graceMs: GRACE_MS,
      onNotice: (notice) => void notices.push(notice),
    });
  const ledgers = [make()];
  onTestFinished(async () => {
    await Promise.all(ledgers.map((ledger) => ledger.stop()));
    await rm(dir, { recursive: true, force: true });
  });
  const start = async (): Promise<void> => void (await Promise.all(ledgers.map((ledger) => ledger.start())));
  await start();
  return {
    ledgers,
    notices,
    advance: async (ms) => {
      clock.advance(ms);
      await ledgers[0]?.close("nobody", []);
    },
    crash: async () => {
      await ledgers[0]?.stop();
      ledgers[0] = make();
      await start();
    },
  };
}

export async function openValkeyStage(server: RedisServer, budgets: readonly Budget[]): Promise<Stage> {
  const name = randomUUID();
  const clock = new RunningClock();
  const notices: LedgerNotice[] = [];
  const ledgers = Array.from({ length: REPLICAS }, () =>
    createValkeyLedger({
      url: server.url,
      name,
      budgets,
      clock,
      leaseTtlMs: TTL_MS,
      graceMs: GRACE_MS,
      onNotice: (notice) => void notices.push(notice),
    }),
  );
  onTestFinished(async () => void (await Promise.all(ledgers.map((ledger) => ledger.stop()))));
  await Promise.all(ledgers.map((ledger) => ledger.start()));
  const head = `{tollgate:${name}}:head`;
  const settle = async (): Promise<void> => {
    for (const ledger of ledgers) await ledger.close("nobody", []);
  };
  return {
    ledgers,
    notices,
    advance: async (ms) => {
      // The ledger's time is the server's clock and an offset; no time passed without a replica, so both move. At once: a
      // replica that looks between the two finds a gap.
      await server.command(["EVAL", MOVE, "1", head, String(ms)]);
      clock.advance(ms);
      await settle();
    },
    crash: async () => {
      await server.kill();
      await server.run();
      for (const ledger of ledgers) await regained(ledger);
    },
  };
}

/** Resolves when the ledger has found its store again. */
export async function regained(ledger: StoredLedger): Promise<void> {
  for (;;) {
    try {
      await ledger.close("nobody", []);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
