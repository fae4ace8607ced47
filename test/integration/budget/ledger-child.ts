/** A process that takes leases as fast as it can and prints each that was acknowledged, until it is killed. */
import { createLocalLedger } from "../../../src/budget/local/create-local-ledger.ts";
import { SystemClock } from "../../../src/support/clock.ts";

const amounts = (nanoUsd: bigint) => ({ nanoUsd, tokens: 0n, calls: 0n });
const ledger = createLocalLedger({
  dir: process.argv[2] ?? "",
  clock: new SystemClock(),
  segmentBytesMax: 20_000,
  budgets: [
    {
      name: "fleet",
      scope: {},
      each: undefined,
      measure: "usd",
      limit: 1_000_000_000n,
      window: { kind: "lifetime" },
      timeZone: "UTC",
      mode: "hard",
      unknownPrice: "deny",
      thresholds: [],
    },
  ],
});
await ledger.start();
const keepAlive = setInterval(() => {}, 1000);
let made = 0;
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (made < 100_000) {
      made += 1;
      const leaseId = `l${made}`;
      const target = amounts(BigInt(made % 100));
      const outcome = await ledger.acquire({
        processId: "child",
        leaseId,
        seq: 1,
        labels: {},
        settled: amounts(0n),
        need: target,
        target,
        ahead: amounts(0n),
        waitMs: 0,
      });
      if (outcome.outcome === "granted") process.stdout.write(`${leaseId} ${outcome.granted.nanoUsd}\n`);
    }
  }),
);
clearInterval(keepAlive);
