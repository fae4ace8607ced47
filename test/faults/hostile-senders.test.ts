/**
 * Goal: no sender keeps others out, takes the processor down, or leaves anything behind in it.
 * Method: in seeded rounds all attacks in random order, beside a storm of well-meant batches over HTTP and a steady sender
 * over gRPC. In each round both must get on while the attackers' connections are still open, and the processor must be rid of
 * those by itself; in the end its memory is at its level, and ClickHouse holds what was acknowledged, once.
 * `TOLLGATE_FAULT_ROUNDS` sets the rounds (1 when absent: it takes half a minute), `TOLLGATE_FAULT_SEED` the seed, `TOLLGATE_HOSTILE_SIZE` how many
 * connections an attack takes (20).
 */
import { expect, test } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { request as otlpRequest, spanFields } from "../fixtures/otlp/protobuf-encoder.ts";
import { GrpcSender } from "../support/grpc-sender.ts";
import {
  type HostileAnswer,
  nestsDeeply,
  sendsBombs,
  sendsDistinctLabels,
  sendsGiants,
  sendsHugeMetadata,
} from "../support/hostile-messages.ts";
import {
  dripsBody,
  dripsHeaders,
  floods,
  type HostileTarget,
  leavesHalfway,
  neverReads,
  isDeafToPings,
  neverReadsGrpc,
  opensSilentCalls,
  resetsRapidly,
  saysNothing,
} from "../support/hostile-sockets.ts";
import { Random } from "../support/random.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";
import { StormSender } from "../support/storm-sender.ts";

const rounds = Number(process.env["TOLLGATE_FAULT_ROUNDS"] ?? 1);
const seed = Number(process.env["TOLLGATE_FAULT_SEED"] ?? 20_261_121);
const size = Number(process.env["TOLLGATE_HOSTILE_SIZE"] ?? 20);
const ROUND_TIMEOUT_MS = 60_000;
const MEMORY_SLACK_BYTES = 96 * 1_048_576;
/** Connections of the well-meant that come and go. */
const SOCKET_SLACK = 16;

const CONNECTIONS_MAX = size * 12;
const rig = useRig({
  governance: "",
  receiver: {
    http: `header_timeout_ms: 1000, request_timeout_ms: 4000, connections_max: ${CONNECTIONS_MAX}`,
    grpc: `request_timeout_ms: 2000, connections_max: ${CONNECTIONS_MAX}, pending_max_bytes: 33554432, keepalive: { server_parameters: { time_ms: 1000, timeout_ms: 1000 } }`,
  },
});

type Attack = (target: HostileTarget) => Promise<readonly HostileAnswer[] | void>;

const ATTACKS: readonly Attack[] = [
  dripsHeaders,
  dripsBody,
  saysNothing,
  leavesHalfway,
  neverReads,
  neverReadsGrpc,
  isDeafToPings,
  opensSilentCalls,
  resetsRapidly,
  sendsBombs,
  sendsGiants,
  nestsDeeply,
  sendsHugeMetadata,
  sendsDistinctLabels,
];

test(
  `senders of every bad kind, ${rounds} rounds: others get on, and nothing is left of them`,
  async () => {
    console.log(`seed ${seed}, ${rounds} rounds, size ${size}`);
    const random = new Random(seed);
    const { otlp_http: httpUrl, otlp_grpc: grpcUrl } = rig().processor.endpoints;
    const storm = new StormSender({ otlpUrl: httpUrl, seed, senders: 2, service: "storm" });
    await using steady = new SteadyGrpcSender(grpcUrl);
    await waitFor(() => storm.acknowledged > 1_000 && steady.acknowledged > 10, { what: "a start", timeoutMs: 60_000 });
    const openBefore = (await figures()).sockets;
    let level = 0;
    let peak = 0;
    for (let round = 0; round < rounds; round += 1) {
      const held: (() => void)[] = [];
      const target: HostileTarget = { httpUrl, grpcUrl, random, held, size };
      for (const attack of shuffled(ATTACKS, random)) {
        for (const { what, answer, wanted } of (await attack(target)) ?? []) expect(wanted, what).toContain(answer);
      }
      if (random.chance(0.5)) await floods(target);
      const mark = { storm: storm.acknowledged + 100, steady: steady.acknowledged + 5 };
      await waitFor(() => storm.acknowledged >= mark.storm && steady.acknowledged >= mark.steady, {
        what: `round ${round}: the others' batches`,
        timeoutMs: ROUND_TIMEOUT_MS,
      });
      peak = Math.max(peak, (await figures()).rss);
      const settled = await waitFor(
        async () => {
          const now = await figures();
          return now.sockets <= openBefore + SOCKET_SLACK ? now : undefined;
        },
        { what: `round ${round}: the connections closed`, timeoutMs: ROUND_TIMEOUT_MS },
      );
      for (const letGo of held) letGo();
      if (round === 0) level = settled.used;
    }
    const after = await waitFor(
      async () => {
        const now = await figures();
        return now.used <= level + MEMORY_SLACK_BYTES ? now : undefined;
      },
      { what: "the memory at its level", timeoutMs: ROUND_TIMEOUT_MS },
    );
    const sent = await storm.finish();
    const overGrpc = await steady.finish();
    const mib = (bytes: number): number => Math.round(bytes / 1_048_576);
    const told = {
      level_mib: mib(level),
      after_mib: mib(after.used),
      rss_mib: mib(after.rss),
      peak_rss_mib: mib(peak),
    };
    console.log({ ...told, storm: sent.acknowledged, steady: overGrpc });
    expect(after.imbalances).toEqual([]);
    const expected = { spans: String(sent.acknowledged), ids: String(sent.acknowledged) };
    await delivered(rig());
    expect(await sqlRows(rig(), COUNTS, 1)).toEqual([expected]);
  },
  rounds * ROUND_TIMEOUT_MS * 2 + 120_000,
);

const COUNTS =
  "SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids FROM spans WHERE service = 'storm'";

interface Figures {
  readonly sockets: number;
  /** Bytes of the heap and of buffers. */
  readonly used: number;
  readonly rss: number;
  /** Lines of components whose count equation does not hold. */
  readonly imbalances: readonly string[];
}

async function figures(): Promise<Figures> {
  const text = await (await fetch(`${rig().processor.endpoints.api}/metrics`)).text();
  const lines = text.split("\n");
  const value = (name: string): number => {
    const line = lines.find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
    return Number(line?.slice(line.lastIndexOf(" ")));
  };
  return {
    sockets: value("process_open_fds"),
    used: value("nodejs_heap_size_used_bytes") + value("nodejs_external_memory_bytes"),
    rss: value("process_resident_memory_bytes"),
    imbalances: lines.filter((line) => /^tollgate_component_imbalance_items\{.*\} (?!0$)/.test(line)),
  };
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.below(rest.length), 1));
}

/** One call after the other on one connection, each a span of its own. */
class SteadyGrpcSender implements AsyncDisposable {
  readonly #sender: GrpcSender;
  readonly #loop: Promise<void>;
  #isStopping = false;
  #acknowledged = 0;

  constructor(url: string) {
    this.#sender = new GrpcSender(url);
    this.#loop = this.#run();
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  async finish(): Promise<number> {
    this.#isStopping = true;
    await this.#loop;
    return this.#acknowledged;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
    this.#sender.close();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const body = otlpRequest([spanFields(this.#acknowledged + 1)]);
      const { status } = await this.#sender.send(body);
      if (status === "OK") this.#acknowledged += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
