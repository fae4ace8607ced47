import type { Component, Consumer, Exporter, Processor, Receiver } from "../component/component.ts";

/**
 * The traces pipeline: receivers → processors → exporter. It knows the order in which things start and stop, and nothing
 * else: whoever is downstream starts first and stops last, so no batch ever meets a component that is not there.
 *
 * Wiring, in the service:
 *
 *     const exporter = clickhouseExporterFactory.create(config.exporters.clickhouse, { directory, storage, observe, notify });
 *     const pipeline = createTracesPipeline({
 *       receivers: [(next) => otlpReceiverFactory.create(config.receivers.otlp, { next, authenticate, notify })],
 *       processors: [
 *         (next) => normaliseProcessorFactory.create(config.processors.normalise, { next }),
 *         (next) => identityProcessorFactory.create(config.processors.identity, { next, registry }),
 *         (next) => costProcessorFactory.create(config.processors.cost, { next, prices }),
 *         (next) => meterProcessorFactory.create(config.processors.meter, { next }),
 *       ],
 *       exporter,
 *     });
 *
 * The order of the four matters: labels need the model (normalise) and the agent (identity), the meter needs both and the cost.
 */
export interface TracesPipelineOptions<R extends Receiver = Receiver> {
  readonly receivers: readonly ((next: Consumer) => R)[];
  /** In the order in which a batch passes them. */
  readonly processors: readonly ((next: Consumer) => Processor)[];
  readonly exporter: Exporter;
}

export interface TracesPipeline<R extends Receiver = Receiver> extends Component {
  /** As made by the options, in their order; after `start` they know their endpoints. */
  readonly receivers: readonly R[];
  /** Where the receivers put their batches: for replay, and for spans made in the service itself. */
  readonly entry: Consumer;
}

/** Builds the pipeline; nothing runs before `start`. A failed start stops what had started and rejects. */
export function createTracesPipeline<R extends Receiver>(options: TracesPipelineOptions<R>): TracesPipeline<R> {
  let next: Consumer = options.exporter;
  const processors: Processor[] = [];
  for (const make of options.processors.toReversed()) {
    const processor = make(next);
    processors.push(processor);
    next = processor;
  }
  const entry = next;
  const receivers = options.receivers.map((make) => make(entry));
  const startOrder: readonly Component[] = [options.exporter, ...processors, ...receivers];
  const started: Component[] = [];

  async function stop(): Promise<void> {
    const failures: unknown[] = [];
    for (let component = started.pop(); component !== undefined; component = started.pop()) {
      try {
        await component.stop();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "components did not stop cleanly");
  }

  async function start(): Promise<void> {
    for (const component of startOrder) {
      try {
        await component.start();
      } catch (error) {
        await stop();
        throw error;
      }
      started.push(component);
    }
  }

  return { receivers, entry, start, stop };
}
