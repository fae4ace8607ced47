/**
 * Where audit spans are made: a tracer provider of our own that samples everything, so that neither the sampler nor the
 * queue of an app's own OpenTelemetry set-up can lose a record. Spans join the app's traces as children of whatever span is
 * active. When the app has no provider of its own, ours also serves the global API; when it sets one up later, it gets
 * the place.
 */
import { context, trace } from "@opentelemetry/api";
import type { Tracer, TracerProvider as ApiTracerProvider } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { FLUSH_TIMEOUT_MS } from "../config/config.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import { VERSION } from "../version.ts";
import { AsyncContextManager } from "./async-context-manager.ts";
import { AuditSpanProcessor } from "./audit-span-processor.ts";

export interface Tracing {
  readonly tracer: Tracer;
  /** `undefined` when spans go nowhere. */
  readonly spans: AuditSpanProcessor | undefined;
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

const SCOPE = "@tollgate/instrumentation";

export function startTracing(config: Config, logger: Logger, exporter?: SpanExporter): Tracing {
  if (!config.exportsSpans && exporter === undefined) {
    return {
      tracer: trace.getTracer(SCOPE, VERSION),
      spans: undefined,
      flush: async () => {},
      shutdown: async () => {},
    };
  }
  const spans = new AuditSpanProcessor(exporter ?? createExporter(config), logger);
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({
      ...config.labels,
      "service.name": config.serviceName,
      "telemetry.sdk.language": "nodejs",
      "telemetry.sdk.name": "opentelemetry",
      "telemetry.distro.name": SCOPE,
      "telemetry.distro.version": VERSION,
      "process.pid": process.pid,
      "process.runtime.name": "nodejs",
      "process.runtime.version": process.versions.node,
    }),
    spanProcessors: [spans],
  });
  // False when the app has one already: then ours follows the app's.
  context.setGlobalContextManager(new AsyncContextManager());
  serveGlobally(provider, logger);
  return {
    tracer: provider.getTracer(SCOPE, VERSION),
    spans,
    flush: () => spans.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}

function serveGlobally(provider: ApiTracerProvider, logger: Logger): void {
  const set = trace.setGlobalTracerProvider.bind(trace);
  if (!set(provider)) {
    logger.log(
      "info",
      "joined the OpenTelemetry SDK of this process: audit spans go to the processor beside its own spans",
    );
    return;
  }
  let isOurs = true;
  trace.setGlobalTracerProvider = (other) => {
    if (isOurs) {
      isOurs = false;
      trace.disable();
      logger.log("info", "the app set up its own OpenTelemetry SDK: it serves the global API now");
    }
    return set(other);
  };
}

function createExporter(config: Config): SpanExporter {
  const headers = Object.fromEntries([...config.tracesHeaders].map(([name, value]) => [name, value.reveal()]));
  return new OTLPTraceExporter({ url: config.tracesUrl, headers, timeoutMillis: FLUSH_TIMEOUT_MS });
}
