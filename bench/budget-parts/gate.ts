/**
 * What the gate's own money costs while it is in hand: a reservation of a call's worst case from the lease of its labels, and
 * its settlement. The lease is the instrumentation's own, the ledger behind it a function that grants what is asked for, so
 * that renewing and asking ahead are in the figure and the network is not. Prints one line of JSON.
 */
import { setImmediate as turn } from "node:timers/promises";
import { CallBounds } from "../../instrumentation/src/gate/call-bound.ts";
import type { RequestFacts } from "../../instrumentation/src/gate/endpoint.ts";
import { systemClock } from "../../instrumentation/src/lease/clock.ts";
import { LeaseClient } from "../../instrumentation/src/lease/lease-client.ts";
import type { Transport } from "../../instrumentation/src/lease/transport.ts";
import { createPriceBook } from "../../instrumentation/src/pricing/index.ts";
import type { AcquireRequest } from "../../instrumentation/src/protocol.ts";
import { median } from "./figures.ts";

export interface GateFigures {
  /** Reserve and settle. */
  readonly microseconds: number;
  /** With the worst case priced anew for each call. */
  readonly pricedMicroseconds: number;
}

const BLOCKS = 60;
const BLOCK_CALLS = 2_000;
const CALLS_A_TURN = 50;
const LABEL_KEYS = ["agent", "model", "session", "team"];
const LABELS = { agent: "checkout-1", model: "gpt-4o-mini", session: "s-1", team: "checkout" };

const FACTS: RequestFacts = {
  model: "gpt-4o-mini",
  isStreamed: false,
  tier: "",
  choices: 1,
  outputBound: 500,
  outputLeast: 1,
  inputBound: 1_000,
  cacheWrites: false,
  hidesOutput: false,
  attributes: {},
};

const client = new LeaseClient({
  transport: grantingTransport(),
  clock: systemClock,
  logger: { log: () => {}, once: () => {} },
  introduction: { agent: "checkout-1", labels: {}, version: "bench" },
  expectsProcessor: true,
  onHello: () => {},
});
await client.start();
const price = createPriceBook().find({ provider: "openai", model: FACTS.model, at: new Date() });
const bounds = new CallBounds(FACTS, price);
const want = bounds.want();
const actual = bounds.amounts(100);
const first = await client.reserve(LABELS, want);
if (first.outcome !== "granted") throw new Error(`not granted: ${first.outcome}`);
first.reservation.settle(actual);

const figures: GateFigures = {
  microseconds: await timed(() => want),
  pricedMicroseconds: await timed(() => new CallBounds(FACTS, price).want()),
};
console.log(JSON.stringify(figures));
await client.close();

/** The median of blocks: what one call costs in microseconds. */
async function timed(wantOf: () => typeof want): Promise<number> {
  const perCall: number[] = [];
  for (let block = 0; block < BLOCKS; block += 1) {
    let spent = 0;
    for (let call = 0; call < BLOCK_CALLS; call += CALLS_A_TURN) {
      const started = microseconds();
      for (let index = 0; index < CALLS_A_TURN; index += 1) {
        const outcome = client.reserve(LABELS, wantOf());
        // Only before the lease has found how much is used: the first block, which is not counted.
        const granted = outcome instanceof Promise ? await outcome : outcome;
        if (granted.outcome !== "granted") throw new Error(`not granted: ${granted.outcome}`);
        granted.reservation.settle(actual);
      }
      spent += microseconds() - started;
      // The replies come in, as they do while a call is on its way.
      await turn();
    }
    perCall.push(spent / BLOCK_CALLS);
  }
  return median(perCall.slice(BLOCKS / 4));
}

/** By the clock: the CPU clock of a thread goes by milliseconds on some machines, and fifty calls take a tenth of one. */
function microseconds(): number {
  return performance.now() * 1_000;
}

function grantingTransport(): Transport {
  const grant = (request: AcquireRequest) => {
    const total = (key: "nano_usd" | "tokens" | "calls"): string =>
      (BigInt(request.target[key]) + BigInt(request.ahead[key])).toString();
    return {
      lease_id: request.lease_id,
      seq: request.seq,
      outcome: "granted" as const,
      granted: { nano_usd: total("nano_usd"), tokens: total("tokens"), calls: total("calls") },
      ttl_ms: 30_000,
      governance_version: "1",
      stops_version: ":0",
      budgets: [],
    };
  };
  return {
    hello: async () => ({
      kind: "reply",
      reply: {
        labels: {},
        agent_verified: false,
        label_keys: LABEL_KEYS,
        policies: [],
        prices: [],
        require_policy: false,
        governance_version: "1",
        stops: { epoch: "", revision: 0, acts: [] },
      },
    }),
    acquire: async (request) => ({ kind: "reply", reply: grant(request) }),
    close: async () => ({ kind: "reply", reply: {} }),
    stopped: async () => ({ kind: "reply", reply: {} }),
    listen: () => ({ stop: () => {} }),
    stop: () => {},
  };
}
