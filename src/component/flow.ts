/**
 * Where the spans of a component are, since it started. The count equation holds at every moment:
 * `received + recovered = stored + refused + sum(dropped) + inFlight`.
 */
export interface FlowStats {
  /** Spans offered by the component before this one. */
  readonly received: number;
  /** Spans found on disk at start, acknowledged by an earlier process. */
  readonly recovered: number;
  /** Spans that are where they belong: in ClickHouse, or taken by the next component. */
  readonly stored: number;
  /** Spans of batches answered `retryable` or `permanent`: the sender still has them. */
  readonly refused: number;
  /** Spans that end here, by reason: `duplicate`, `poison`, `corrupt`, `malformed`, `filtered`, `sampled`. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Of the stored ones: spans that a rule of the configuration meant to drop, by why they were kept: `audit`. */
  readonly kept?: Readonly<Record<string, number>>;
  readonly inFlight: number;
}

/** The difference between the two sides of the count equation: 0 unless something is lost or invented. */
export function flowImbalance(stats: FlowStats): number {
  const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  return stats.received + stats.recovered - (stats.stored + stats.refused + dropped + stats.inFlight);
}

/** A component that can say where its items are: what `/metrics` and `status` list, in the order of the pipeline. */
export interface FlowSource {
  /** Its path in tollgate.yaml: `processors.cost`. */
  readonly component: string;
  readonly signal: "traces" | "logs";
  /** Where one component takes items in several ways and counts them apart. */
  readonly protocol?: "http" | "grpc";
  stats(): FlowStats;
}
