/** A receiver on free ports in front of a consumer that records, and answers as it is told. */
import { flowImbalance } from "../../../src/component/flow.ts";
import type { Notice } from "../../../src/component/notice.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { LogBatch } from "../../../src/pdata/log-record.ts";
import type { SpanBatch } from "../../../src/pdata/span.ts";
import { otlpReceiverFactory } from "../../../src/receivers/otlp/factory.ts";
import type { OtlpReceiver } from "../../../src/receivers/otlp/otlp-receiver.ts";
import type { Authenticate } from "../../../src/receivers/otlp/authenticate.ts";
import { type Clock, SystemClock } from "../../../src/support/clock.ts";

export interface Rig {
  readonly receiver: OtlpReceiver;
  readonly batches: SpanBatch[];
  readonly logBatches: LogBatch[];
  readonly notices: Notice[];
}

export interface RigOptions {
  /** Keys of `protocols.http` and `protocols.grpc`. */
  readonly http?: object;
  readonly grpc?: object;
  readonly outcome?: () => Promise<Outcome>;
  readonly authenticate?: Authenticate;
  readonly directory?: string;
  readonly clock?: Clock;
}

const running: OtlpReceiver[] = [];

/** For `afterEach`: stops what was started, and proves that no span got lost on the way through. */
export async function stopReceivers(): Promise<void> {
  for (const receiver of running.splice(0)) {
    await receiver.stop();
    const stats = receiver.stats();
    for (const flow of [stats, stats.logs]) {
      if (flow !== undefined && (flowImbalance(flow) !== 0 || flow.inFlight !== 0)) {
        throw new Error(`the count equation does not hold: ${JSON.stringify(flow)}`);
      }
    }
  }
}

export async function startReceiver(options: RigOptions = {}): Promise<Rig> {
  const { outcome, authenticate, directory } = options;
  const batches: SpanBatch[] = [];
  const logBatches: LogBatch[] = [];
  const notices: Notice[] = [];
  const config = otlpReceiverFactory.config.parse({
    protocols: {
      http: { endpoint: "127.0.0.1:0", ...options.http },
      grpc: { endpoint: "127.0.0.1:0", ...options.grpc },
    },
  });
  const receiver = otlpReceiverFactory.create(config, {
    next: {
      consume: async (batch) => {
        batches.push(batch);
        return outcome === undefined ? SUCCESS : await outcome();
      },
    },
    logs: {
      consume: async (batch) => {
        logBatches.push(batch);
        return outcome === undefined ? SUCCESS : await outcome();
      },
    },
    clock: options.clock ?? new SystemClock(),
    notify: (notice) => notices.push(notice),
    ...(authenticate === undefined ? {} : { authenticate }),
    ...(directory === undefined ? {} : { directory }),
  });
  running.push(receiver);
  await receiver.start();
  return { receiver, batches, logBatches, notices };
}
