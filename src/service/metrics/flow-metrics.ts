import { flowImbalance, type FlowSource, type FlowStats } from "../../component/flow.ts";
import type { MetricFamily, Sample } from "../../telemetry/metric-family.ts";

type Count = Exclude<keyof FlowStats, "dropped" | "kept">;

const NAMED: readonly { readonly key: Count; readonly name: string; readonly help: string }[] = [
  { key: "received", name: "received_items_total", help: "Spans or log records offered to the component." },
  {
    key: "recovered",
    name: "recovered_items_total",
    help: "Found on disk at start, acknowledged by an earlier process.",
  },
  { key: "stored", name: "sent_items_total", help: "Taken by the next component, or stored at the pipeline's end." },
  { key: "refused", name: "refused_items_total", help: "Answered with an error: the sender still has them." },
];

const LABELS = ["component", "signal", "protocol"];

/**
 * Where the items of each component are. received + recovered = sent + refused + dropped + in flight, at every moment;
 * the difference of the two sides is a metric of its own.
 */
export function flowFamilies(sources: () => readonly FlowSource[]): readonly MetricFamily[] {
  const each = (samples: (stats: FlowStats, labels: Readonly<Record<string, string>>) => readonly Sample[]) => () =>
    sources().flatMap((source) => samples(source.stats(), labelsOf(source)));
  return [
    ...NAMED.map(({ key, name, help }): MetricFamily => ({
      name: `tollgate_component_${name}`,
      help,
      type: "counter",
      labelNames: LABELS,
      samples: each((stats, labels) => [{ labels, value: stats[key] }]),
    })),
    {
      name: "tollgate_component_dropped_items_total",
      help: "Items that end at the component, by reason.",
      type: "counter",
      labelNames: [...LABELS, "reason"],
      samples: each(({ dropped }, labels) =>
        Object.entries(dropped).map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
      ),
    },
    {
      name: "tollgate_component_kept_items_total",
      help: "Items that a rule of the configuration meant to drop and that were kept, by reason: `audit` records always are.",
      type: "counter",
      labelNames: [...LABELS, "reason"],
      samples: each(({ kept = {} }, labels) =>
        Object.entries(kept).map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
      ),
    },
    {
      name: "tollgate_component_in_flight_items",
      help: "Items the component holds: in memory, or on disk and not delivered yet.",
      type: "gauge",
      labelNames: LABELS,
      samples: each((stats, labels) => [{ labels, value: stats.inFlight }]),
    },
    {
      name: "tollgate_component_imbalance_items",
      help: "received + recovered - (sent + refused + dropped + in flight). Anything but 0 means that items are lost or invented.",
      type: "gauge",
      labelNames: LABELS,
      samples: each((stats, labels) => [{ labels, value: flowImbalance(stats) }]),
    },
  ];
}

function labelsOf({ component, signal, protocol }: FlowSource): Readonly<Record<string, string>> {
  return { component, signal, ...(protocol === undefined ? {} : { protocol }) };
}
