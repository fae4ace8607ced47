/**
 * Where audit spans are made: a tracer provider of our own that samples everything, so that neither the sampler nor the
 * queue of an app's own OpenTelemetry set-up can lose a record. Spans join the app's traces as children of whatever span is
 * active. What serves the app's own spans is `process-sdk.ts`.
 */
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Tracer } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { AuditChain } from "../audit/chain.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import * as semconv from "../semconv.ts";
import { VERSION } from "../version.ts";
import { Afterwork } from "./afterwork.ts";
import { AuditSpanProcessor } from "./audit-span-processor.ts";
import type { AuditSpanProcessorOptions } from "./audit-span-processor.ts";
import { GateTracer } from "./gate-span.ts";
import { pooledIds } from "./pooled-ids.ts";
import { ProcessContextManager } from "./process-context-manager.ts";
import { startProcessSdk } from "./process-sdk.ts";
import { createSendSpans } from "./send-spans.ts";
import type { WrittenSpanExporter } from "./span-protobuf.ts";
import { SpanSpool } from "./span-spool.ts";
import { ownShelf } from "./thread-spans.ts";
import { withoutTracing } from "./without-tracing.ts";

export interface Tracing {
  readonly tracer: Tracer;
  /** `undefined` when spans go nowhere. */
  readonly spans: AuditSpanProcessor | undefined;
  /** `undefined` where all must be done at once: nobody waits for the end of a thread that is cut off. */
  readonly afterwork: Afterwork | undefined;
  /** Resolves when the process has an SDK for spans of its own too. */
  readonly started: Promise<void>;
  flush(): Promise<void>;
  /** Writes the closing link of the audit chain: what follows is the end of the process. */
  closeChain(): void;
  shutdown(): Promise<void>;
}

const SCOPE = "@tollgate/instrumentation";

export function startTracing(config: Config, logger: Logger): Tracing {
  // False when the app has one already: then ours follows the app's. Needed without spans too: calls are known by it.
  context.setGlobalContextManager(new ProcessContextManager(config).enable());
  if (!config.exportsSpans) {
    return {
      tracer: trace.getTracer(SCOPE, VERSION),
      spans: undefined,
      afterwork: undefined,
      started: Promise.resolve(),
      flush: async () => {},
      closeChain: () => {},
      shutdown: async () => {},
    };
  }
  const chain = new AuditChain(SCOPE);
  const shelf = ownShelf();
  const afterwork = shelf === undefined ? new Afterwork() : undefined;
  const spans = new AuditSpanProcessor({
    afterwork,
    chain,
    exporter: createExporter(config),
    logger,
    scope: SCOPE,
    shelf,
    ...createDisk(config, logger),
    onRecovered: (dropped) => {
      const attributes = { [semconv.ATTR_TOLLGATE_DELIVERY_DROPPED_SPANS]: dropped };
      tracer.startSpan("spans dropped", { attributes }, ROOT_CONTEXT).end();
    },
  });
  const resource = resourceFromAttributes({
    ...config.labels,
    "service.name": config.serviceName,
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.distro.name": SCOPE,
    "telemetry.distro.version": VERSION,
    "process.pid": process.pid,
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
  });
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    idGenerator: pooledIds,
    resource,
    spanProcessors: [spans],
  });
  const processSdk = startProcessSdk({ config, logger, resource, spans, placeholder: provider });
  const tracer = new GateTracer({ resource, instrumentationScope: { name: SCOPE, version: VERSION }, listener: spans });
  return {
    tracer,
    spans,
    afterwork,
    started: processSdk.started,
    flush: () => spans.forceFlush(),
    closeChain: () => {
      spans.settle();
      chain.close(tracer, config.agent);
      spans.settle();
    },
    shutdown: async () => {
      await Promise.all([provider.shutdown(), processSdk.shutdown()]);
    },
  };
}

function createDisk(config: Config, logger: Logger): Pick<AuditSpanProcessorOptions, "disk"> {
  const { spoolDirectory: directory, spoolBytesMax: bytesMax, agent } = config;
  if (directory === undefined) return {};
  const spool = new SpanSpool({ directory, agent, bytesMax, logger, wallMs: () => Date.now() });
  return { disk: { spool, send: createSendSpans(config) } };
}

/** Loaded with the first batch: most of its time is not the start's to pay. */
function createExporter(config: Config): WrittenSpanExporter {
  const headers = Object.fromEntries([...config.tracesHeaders].map(([name, value]) => [name, value.reveal()]));
  const options = { url: config.tracesUrl, headers, timeoutMillis: config.exportTimeoutMs };
  let loading: Promise<WrittenSpanExporter> | undefined;
  const load = async (): Promise<WrittenSpanExporter> => {
    const { createOtlpExporter } = await import("./otlp-exporter.ts");
    return createOtlpExporter(options);
  };
  const exportLater = async (...[spans, done]: Parameters<WrittenSpanExporter["export"]>): Promise<void> => {
    try {
      const exporter = await (loading ??= load());
      withoutTracing(() => exporter.export(spans, done));
    } catch (problem) {
      done({ code: 1, error: problem instanceof Error ? problem : new Error(String(problem)) });
    }
  };
  return {
    export: (spans, done) => void exportLater(spans, done),
    shutdown: async () => (await loading)?.shutdown(),
  };
}
