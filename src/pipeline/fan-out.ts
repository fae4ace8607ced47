import type { Exporter } from "../component/component.ts";
import { type Outcome, SUCCESS } from "../component/outcome.ts";

/** An exporter and the key that people know it by: `clickhouse`, `otlp/tempo`. */
export interface NamedExporter<Batch> {
  readonly name: string;
  readonly exporter: Exporter<Batch>;
}

/**
 * Several exporters behind the last processor, all of which get every batch. A batch is taken when each of them has taken
 * it, which means that it is on each one's disk; the first that has not says why. An exporter that may drop always says
 * success, so it never fails a batch. They start in their order and stop all at once, for each waits for a backend of its
 * own. The batch is shared: none of them may write to it.
 */
export function createFanOut<Batch>(exporters: readonly NamedExporter<Batch>[]): Exporter<Batch> {
  const started: NamedExporter<Batch>[] = [];

  async function start(): Promise<void> {
    for (const named of exporters) {
      try {
        await named.exporter.start();
      } catch (error) {
        await stop();
        throw new Error(`\`exporters.${named.name}\` does not start`, { cause: error });
      }
      started.push(named);
    }
  }

  async function stop(): Promise<void> {
    const stopping = started.splice(0);
    const ended = await Promise.allSettled(stopping.map(({ exporter }) => exporter.stop()));
    const failures = ended.flatMap((end, index): Error[] =>
      end.status === "fulfilled"
        ? []
        : [new Error(`\`exporters.${stopping[index]?.name ?? ""}\` did not stop cleanly`, { cause: end.reason })],
    );
    if (failures.length > 0) throw new AggregateError(failures, "exporters did not stop cleanly");
  }

  async function consume(batch: Batch): Promise<Outcome> {
    const outcomes = await Promise.all(exporters.map(({ exporter }) => exporter.consume(batch)));
    return outcomes.find((outcome) => outcome.kind !== "success") ?? SUCCESS;
  }

  return { kind: "exporter", start, stop, consume };
}
