/**
 * The OpenTelemetry SDK of a process that has none, so that the app's own spans, and those of other instrumentations, reach
 * the processor too and trace context travels on. Audit spans do not depend on it: they have a provider of their own that no
 * sampler touches.
 *
 * Where the OTEL_* environment asks for nothing else, that is a tracer provider and the propagators of W3C, which are loaded
 * anyway. Else it is `sdk-node` with all that the environment says; it takes longer to import than everything else in here
 * together, so it is loaded beside the app, not before it, and the audit provider serves the global API meanwhile.
 */
import { propagation, trace } from "@opentelemetry/api";
import type { ContextManager, ProxyTracerProvider, TracerProvider } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { detectResources, hostDetector, processDetector } from "@opentelemetry/resources";
import type { Resource } from "@opentelemetry/resources";
import { TracerProvider as SdkTracerProvider } from "@opentelemetry/sdk-trace";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import { loadPackage } from "../own-package.ts";

export interface ProcessSdk {
  /** Resolves when the SDK runs, or the app's own was joined. Never rejects. */
  readonly started: Promise<void>;
  shutdown(): Promise<void>;
}

export interface ProcessSdkOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly resource: Resource;
  readonly spans: SpanProcessor;
  /** Serves the global API until the SDK is loaded. */
  readonly placeholder: TracerProvider;
}

interface Place {
  /** False once the app has an SDK of its own. */
  isOurs: boolean;
  isStarting: boolean;
}

/** Takes the place of the global tracer provider if it is free, and gives it up to an app that wants it later. */
export function startProcessSdk(options: ProcessSdkOptions): ProcessSdk {
  const { logger, placeholder } = options;
  if (!trace.setGlobalTracerProvider(placeholder)) {
    logger.log(
      "info",
      "joined the OpenTelemetry SDK of this process: audit spans go to the processor beside its own spans",
    );
    return { started: Promise.resolve(), shutdown: () => Promise.resolve() };
  }
  leadEarlyTracers();
  const place: Place = { isOurs: true, isStarting: false };
  let sdk: { shutdown(): Promise<void> } | undefined;
  for (const twin of apiTwins()) {
    const set = twin.setGlobalTracerProvider.bind(twin);
    twin.setGlobalTracerProvider = (other) => {
      if (place.isOurs && !place.isStarting) {
        place.isOurs = false;
        trace.disable();
        logger.log("info", "the app set up its own OpenTelemetry SDK: it serves the global API now");
      }
      return set(other);
    };
  }
  if (!options.config.needsSdk) {
    startPlainSdk(options, place);
    return { started: Promise.resolve(), shutdown: () => Promise.resolve() };
  }
  const started = loadSdk(options, place).then(
    (running) => {
      sdk = running;
    },
    (problem: unknown) => logger.log("warn", `the OpenTelemetry SDK can't be started: ${String(problem)}`),
  );
  return { started, shutdown: () => sdk?.shutdown() ?? Promise.resolve() };
}

/** As `sdk-node` sets things up by default. Its spans go to a processor that is not ours to shut down. */
function startPlainSdk({ resource, spans }: ProcessSdkOptions, place: Place): void {
  const detected = detectResources({ detectors: [processDetector, hostDetector] });
  place.isStarting = true;
  trace.disable();
  trace.setGlobalTracerProvider(new SdkTracerProvider({ resource: detected.merge(resource), spanProcessors: [spans] }));
  place.isStarting = false;
  // False when the app has set one: then it keeps it.
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
}

async function loadSdk(
  { config, resource, spans }: ProcessSdkOptions,
  place: Place,
): Promise<{ shutdown(): Promise<void> } | undefined> {
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  if (!place.isOurs) return undefined;
  const sdk = new NodeSDK({
    resource,
    spanProcessors: [spans],
    // A context manager is in place since the first line ran; null leaves it alone (the type does not say so).
    contextManager: null as unknown as ContextManager,
    // Metrics and logs only if somebody asked for them: by default the SDK would send them to a receiver of traces.
    ...(config.exportsMetrics ? {} : { metricReaders: [] }),
    ...(config.exportsLogs ? {} : { logRecordProcessors: [] }),
  });
  // From the placeholder to the SDK's own provider; `start` registers it with the API.
  place.isStarting = true;
  trace.disable();
  sdk.start();
  place.isStarting = false;
  return sdk;
}

/**
 * Whoever asked the API's other module for a tracer before there was a provider (an instrumentation that a preload has loaded) holds one
 * that waits for a provider of that module. It is led to whatever serves the global API.
 */
function leadEarlyTracers(): void {
  for (const twin of apiTwins()) {
    const early = (twin as unknown as { readonly _proxyTracerProvider?: ProxyTracerProvider })._proxyTracerProvider;
    if (twin === trace || typeof early?.setDelegate !== "function") continue;
    early.setDelegate({ getTracer: (name, version) => trace.getTracer(name, version) });
  }
}

/** The API is two modules, one for `import` and one for `require`, over one global state. */
function apiTwins(): readonly (typeof trace)[] {
  try {
    const { trace: required } = loadPackage("@opentelemetry/api") as { readonly trace: typeof trace };
    return required === trace ? [trace] : [trace, required];
  } catch {
    // Only in a bundle.
    return [trace];
  }
}
