import type { MetricFamily, Sample } from "../../telemetry/metric-family.ts";
import type { Queue, QueueSource } from "../queues.ts";

const GAUGES: readonly {
  readonly name: string;
  readonly help: string;
  readonly value: (queue: Queue) => number | undefined;
}[] = [
  { name: "blocks", help: "Blocks on disk that are not delivered yet.", value: (queue) => queue.blocks },
  { name: "items", help: "Items on disk or waiting for it, not delivered yet.", value: (queue) => queue.items },
  { name: "bytes", help: "Bytes of the blocks on disk.", value: (queue) => queue.bytes },
  {
    name: "limit_bytes",
    help: "Bytes from which on batches are refused with 503.",
    value: (queue) => queue.bytesMax,
  },
  {
    name: "oldest_block_age_seconds",
    help: "Age of the oldest block that is not delivered; 0 when there is none.",
    value: (queue) => queue.oldestAgeMs / 1_000,
  },
  {
    name: "set_aside_files",
    help: "Files in `set-aside/`: blocks and rows that were never delivered, kept for a person to look at.",
    value: (queue) => queue.setAsideFiles,
  },
];

/** Of each spool: how much waits, and since when. */
export function queueFamilies(sources: () => readonly QueueSource[]): readonly MetricFamily[] {
  const each = (value: (queue: Queue) => number | undefined) => (): readonly Sample[] =>
    sources().flatMap((source) => {
      const current = value(source.read());
      return current === undefined
        ? []
        : [{ labels: { component: source.component, signal: source.signal }, value: current }];
    });
  return [
    ...GAUGES.map(({ name, help, value }): MetricFamily => ({
      name: `tollgate_spool_${name}`,
      help,
      type: "gauge",
      labelNames: ["component", "signal"],
      samples: each(value),
    })),
    {
      name: "tollgate_deduplication_evicted_early_total",
      help: "Spans forgotten before `deduplication.window_ms` was over because there were too many: a resend of one counts twice.",
      type: "counter",
      labelNames: ["component", "signal"],
      samples: each((queue) => queue.recentEvictedEarly),
    },
  ];
}
