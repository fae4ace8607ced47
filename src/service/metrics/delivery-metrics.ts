import type { Lag } from "../../telemetry/lag.ts";
import { VISIBILITY_SLO } from "../../telemetry/lag.ts";
import type { Measures } from "../../telemetry/measures.ts";
import { figure, type MetricFamily } from "../../telemetry/metric-family.ts";

/** Answers of the OTLP receiver by status; of gRPC by the status' name, and `aborted` calls. */
export interface OtlpAnswers {
  readonly answers: Readonly<Record<string, number>>;
  readonly grpcAnswers: Readonly<Record<string, number>>;
}

/** How late, how fast: enforcement lag, inserts, answers. */
export function deliveryFamilies(measures: Measures, answers: () => OtlpAnswers): readonly MetricFamily[] {
  const { counted, visible, inserts, requests } = measures;
  return [
    lag("tollgate_enforcement_lag_seconds", "From a span's end to when it counts in the ledger.", counted),
    lag("tollgate_visibility_lag_seconds", "From a span's end to when it is visible in ClickHouse.", visible),
    figure({
      name: "tollgate_visibility_lag_objective_seconds",
      help: `The objective: ${VISIBILITY_SLO.share * 100} of 100 spans are visible within so long.`,
      value: () => VISIBILITY_SLO.seconds,
    }),
    {
      name: "tollgate_lag_clock_ahead_items_total",
      help: "Spans that ended later than it was here, by lag: their sender's clock is ahead. They count as no lag.",
      type: "counter",
      labelNames: ["lag"],
      samples: () => [
        { labels: { lag: "enforcement" }, value: counted.ahead },
        { labels: { lag: "visibility" }, value: visible.ahead },
      ],
    },
    {
      name: "tollgate_clickhouse_insert_duration_seconds",
      help: "Inserts of blocks into ClickHouse, by outcome.",
      type: "histogram",
      labelNames: ["outcome"],
      *samples() {
        yield* inserts.ok.samples({ outcome: "ok" });
        yield* inserts.failed.samples({ outcome: "failed" });
      },
    },
    figure({
      name: "tollgate_clickhouse_inserted_bytes_total",
      help: "Bytes of blocks that ClickHouse has taken, in its Native format.",
      type: "counter",
      value: () => measures.insertedBytes,
    }),
    {
      name: "tollgate_otlp_answers_total",
      help: "Answered export requests by protocol (http, grpc) and status.",
      type: "counter",
      labelNames: ["protocol", "status"],
      samples: () => {
        const byProtocol = { http: answers().answers, grpc: answers().grpcAnswers };
        return Object.entries(byProtocol).flatMap(([protocol, counts]) =>
          Object.entries(counts).map(([status, value]) => ({ labels: { protocol, status }, value })),
        );
      },
    },
    {
      name: "tollgate_request_duration_seconds",
      help: "Answered requests by transport (api), route and status.",
      type: "histogram",
      labelNames: ["transport", "route", "status"],
      samples: () => requests.samples(),
    },
  ];
}

function lag(name: string, help: string, { histogram }: Lag): MetricFamily {
  return { name, help, type: "histogram", samples: () => histogram.samples() };
}
