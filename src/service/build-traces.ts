import { breakSeal } from "../audit/link.ts";
import type { Access } from "../api/access.ts";
import { ApiProblem } from "../api/problem.ts";
import type { Consumer } from "../component/component.ts";
import type { FlowStats } from "../component/flow.ts";
import type { Notify } from "../component/notice.ts";
import type { ClickhouseExporter } from "../exporters/clickhouse/clickhouse-exporter.ts";
import { clickhouseExporterFactory } from "../exporters/clickhouse/factory.ts";
import type { OtlpTracesExporter } from "../exporters/otlp/factory.ts";
import { createFanOut } from "../pipeline/fan-out.ts";
import { createTracesPipeline, type TracesPipeline } from "../pipeline/traces-pipeline.ts";
import { housePrices } from "../policy/house-prices.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Span } from "../pdata/span.ts";
import { auditProcessorFactory, type LinkIntake } from "../processors/audit/factory.ts";
import { costProcessorFactory } from "../processors/cost/factory.ts";
import { filterProcessorFactory } from "../processors/filter/factory.ts";
import { identityProcessorFactory } from "../processors/identity/factory.ts";
import { meterProcessorFactory } from "../processors/meter/factory.ts";
import { normaliseProcessorFactory } from "../processors/normalise/factory.ts";
import { redactProcessorFactory } from "../processors/redact/factory.ts";
import { sampleProcessorFactory } from "../processors/sample/factory.ts";
import { transformProcessorFactory } from "../processors/transform/factory.ts";
import { otlpReceiverFactory } from "../receivers/otlp/factory.ts";
import type { OtlpReceiver } from "../receivers/otlp/otlp-receiver.ts";
import type { StoredLedger } from "../budget/ledger-notice.ts";
import { type Forward, buildTracesForwarding, tellLeftQueues } from "./build-forwarding.ts";
import type { LedgerBuild } from "./build-ledger.ts";
import type { Logs } from "./build-logs.ts";
import { FlowSources } from "./flow-sources.ts";
import type { Store } from "./store.ts";

export interface Traces {
  readonly pipeline: TracesPipeline<OtlpReceiver>;
  readonly receiver: OtlpReceiver;
  readonly exporter: ClickhouseExporter;
  /** The backends behind Tollgate. */
  readonly forwards: readonly Forward<OtlpTracesExporter>[];
  readonly flows: FlowSources;
}

export interface TracesBuild extends LedgerBuild {
  /** What paths in the config are relative to. */
  readonly configDirectory: string;
  readonly ledger: StoredLedger;
  readonly store: Store;
  readonly access: Access;
  readonly registry: AgentRegistry;
  /** Where the log records go that the receiver takes beside the spans. */
  readonly logs: Logs;
  readonly links: LinkIntake<unknown>;
  /** Shown every span that the meter has seen. */
  readonly watch: (span: Span, receivedUnixMs: number) => void;
  /** The key of keyed hashes of this data directory. */
  readonly hashKey: string;
}

/** The traces pipeline: otlp → normalise → [transform] → identity → audit → cost → meter → [filter] → redact → [sample] → clickhouse and the backends behind it; not started. */
export function buildTraces(options: TracesBuild): Traces {
  const { config, configDirectory, data, clock, telemetry, ledger, store, access, registry, logs, hashKey } = options;
  const notify: Notify = (notice) => telemetry.announce(notice);
  const { normalise, transform, identity, audit, cost, meter, filter, redact, sample } = config.processors;
  const flows = new FlowSources();
  const exporter = flows.add(
    "exporters.clickhouse",
    clickhouseExporterFactory.create(config.exporters.clickhouse, {
      directory: data.spool,
      storage: store.tables,
      observe: (observation) => ledger.observe(observation),
      onCounted: (lags) => telemetry.measures.counted.record(lags),
      onVisible: (lags) => telemetry.measures.visible.record(lags),
      clock,
      notify,
    }),
  );
  const forwards = buildTracesForwarding({ config, configDirectory, data, clock, notify });
  tellLeftQueues({ config, configDirectory, data, clock, notify });
  for (const { name, exporter: forward } of forwards) flows.add(`exporters.${name}`, forward);
  const agents = {
    find: (agent: string) => registry.registered(agent),
    severityOf: (agent: string) => registry.severityOf(agent),
    mayActAs: (sender: string, agent: string) => access.mayActAs(sender, agent),
    namesOf: (sender: string) => access.namesOf(sender),
    tenantOf: (sender: string) => access.tenantOf(sender),
    isTenantTaken: access.isTenantTaken,
  };
  const pipeline = createTracesPipeline({
    receivers: [
      (next) =>
        flows.add(
          "receivers.otlp",
          otlpReceiverFactory.create(config.receivers.otlp, {
            next,
            logs: logs.processor,
            clock,
            notify,
            directory: configDirectory,
            authenticate: (authorization) => senderOf(access, authorization),
          }),
        ),
    ],
    processors: [
      (next) => flows.add("processors.normalise", normaliseProcessorFactory.create(normalise, { next, notify })),
      ...(transform === undefined
        ? []
        : [
            (next: Consumer) =>
              flows.add("processors.transform", transformProcessorFactory.create(transform, { next, notify })),
          ]),
      (next) =>
        flows.add("processors.identity", identityProcessorFactory.create(identity, { next, notify, registry: agents })),
      (next) =>
        flows.add("processors.audit", auditProcessorFactory.create(audit, { next, notify, intake: options.links })),
      (next) =>
        flows.add(
          "processors.cost",
          costProcessorFactory.create(cost, { next, notify, prices: housePrices(registry) }),
        ),
      (next) =>
        flows.add("processors.meter", meterProcessorFactory.create(meter, { next, notify, watch: options.watch })),
      ...(filter === undefined
        ? []
        : [
            (next: Consumer) => flows.add("processors.filter", filterProcessorFactory.create(filter, { next, notify })),
          ]),
      (next) =>
        flows.add(
          "processors.redact",
          redactProcessorFactory.create(redact, { next, notify, hashKey, onRedacted: breakSeal }),
        ),
      ...(sample === undefined
        ? []
        : [
            (next: Consumer) => flows.add("processors.sample", sampleProcessorFactory.create(sample, { next, notify })),
          ]),
    ],
    exporter: createFanOut([{ name: "clickhouse", exporter }, ...forwards]),
  });
  const [receiver] = pipeline.receivers;
  if (receiver === undefined) throw new TypeError("the traces pipeline has no receiver");
  addLogFlows({ flows, receiver, logs });
  return { pipeline, receiver, exporter, forwards, flows };
}

interface LogFlows {
  readonly flows: FlowSources;
  readonly receiver: OtlpReceiver;
  readonly logs: Logs;
}

/** What the two pipelines share is one component with a count equation for each signal. */
function addLogFlows({ flows, receiver, logs }: LogFlows): void {
  const signal = "logs";
  flows.add("exporters.clickhouse", logs.exporter, { signal });
  for (const { name, exporter } of logs.forwards) flows.add(`exporters.${name}`, exporter, { signal });
  flows.add("processors.events", logs.processor, { signal });
  flows.add("receivers.otlp", { stats: () => receiver.stats().logs ?? NO_FLOW }, { signal });
}

const NO_FLOW: FlowStats = { received: 0, recovered: 0, stored: 0, refused: 0, dropped: {}, inFlight: 0 };

/** The credential's id; `undefined` as a whole when it is refused. */
function senderOf(
  access: Access,
  authorization: string | undefined,
): { readonly sender: string | undefined } | undefined {
  try {
    const { id } = access.agent(authorization);
    return { sender: id === "" ? undefined : id };
  } catch (error) {
    if (error instanceof ApiProblem) return undefined;
    throw error;
  }
}
