/** Puts the gate into this process: settings, spans, leases, patches, last words. Once. */
import { processEnvironment, readConfig, threadContext } from "../config/config.ts";
import type { Config, Environment } from "../config/config.ts";
import { startSettings } from "../config/start-settings.ts";
import { misspelt } from "../config/misspelt.ts";
import { createLogger } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { setProcessContext } from "../context/context.ts";
import { Gate } from "../gate/gate.ts";
import { registerGate } from "../gate/registry.ts";
import { ToolGate } from "../guard/tool-gate.ts";
import { registerToolGate } from "../guard/tool-registry.ts";
import { systemClock } from "../lease/clock.ts";
import { createHttpTransport } from "../lease/http-transport.ts";
import { LeaseClient } from "../lease/lease-client.ts";
import { ThreadSpans } from "../telemetry/thread-spans.ts";
import { startTracing } from "../telemetry/tracing.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { makeGatedSocket } from "../realtime/patch-websocket.ts";
import { VERSION } from "../version.ts";
import { Probe } from "../probe/probe.ts";
import type { LoadedLibrary } from "../probe/probe.ts";
import { tellUnpatched } from "../probe/tell-unpatched.ts";
import { hookWire } from "../wire/hook-wire.ts";
import { registerWire, Wire } from "../wire/wire.ts";
import { hookChildren } from "./hook-children.ts";
import { hookReplacement } from "./hook-replacement.ts";
import { LastWords } from "./last-words.ts";
import { loadedSdks } from "./loaded-sdks.ts";
import { CAN_HOOK, hookModules } from "./module-hooks.ts";
import { patchLoadedClass } from "./patch-sdk.ts";

/** The gate of this process. */
export interface Registration {
  /** Resolves when SDKs that were loaded before are patched too. Only `registerTollgate()` from inside an app needs it. */
  readonly ready: Promise<void>;
  /** Sends spans and reports now, for handlers that are frozen between requests. Never rejects. */
  flush(): Promise<void>;
  /** Settles open calls, sends everything, gives the leases back. Calls after this are refused. */
  shutdown(): Promise<void>;
}

export interface RegisterOptions {
  /** Nothing of the app's ran before. */
  readonly isPreload?: boolean;
  /** Whether all that is loaded has been seen as it was loaded. @default as `isPreload` */
  readonly hasSeenAll?: boolean;
  /** What the process was started with; wins over what its environment says by now. */
  readonly settings?: Environment;
}

let registration: Registration | undefined;

/** Registers once; later calls return the same. Never throws: wrong settings are printed, and calls throw `ConfigInvalid`. */
export function registerTollgate(options: RegisterOptions = {}): Registration {
  registration ??= register(options);
  return registration;
}

/**
 * Sends spans and reports now: to be awaited at the end of a serverless handler, before the process is frozen. At once in a process
 * that is not registered. Never rejects; bounded by the flush time-out.
 */
export function flush(): Promise<void> {
  return registration?.flush() ?? Promise.resolve();
}

function register(options: RegisterOptions): Registration {
  const { isPreload = false, hasSeenAll = isPreload, settings = isPreload ? startSettings() : {} } = options;
  const env = { ...processEnvironment(), ...settings, ...threadContext() };
  const config = readConfig(env);
  const logger = createLogger(config.logLevel);
  for (const text of misspelt(env)) logger.log("error", text);
  for (const problem of config.problems) logger.log("error", `${problem}: calls are refused until this is right`);
  if (config.exportsSpans && config.otherProtocol !== undefined)
    logger.log(
      "warn",
      `spans are sent by http/protobuf: ${config.otherProtocol} (OTEL_EXPORTER_OTLP_PROTOCOL) is not spoken`,
    );
  setProcessContext(config.context);
  const tracing = startTracing(config, logger);
  const probe = new Probe({ logger, onUnpatched: (library) => tell(library) });
  const { gate, toolGate } = createGates({ config, logger, tracing, probe });
  const tell = (library: LoadedLibrary): void => {
    tellUnpatched(gate, library);
    // The processor learns of it by another hello.
    void gate.leases?.startAgain();
  };
  const patch: Patch = (name, clientClass, location) =>
    probe.loaded(name, location, patchLoadedClass(logger, name, clientClass, location));
  registerGate(gate);
  registerToolGate(toolGate);
  registerWire(new Wire(gate, (userAgent) => probe.sent(userAgent)));
  hookWire({ makeSocket: makeGatedSocket });
  hookModules((file, clientClass, location) => patch(file.name, clientClass, location));
  const threadSpans = new ThreadSpans({
    adopt: (spans) => tracing.spans?.adopt(spans),
    onMissed: (count) => logger.log("error", `${count} spans of a thread that was cut off were lost: too many waited`),
  });
  const lastWords = new LastWords(gate, tracing, threadSpans);
  const added = config.gatesChildren
    ? hookChildren({ config, logger, settings: isPreload ? settings : {}, threadSpans })
    : () => undefined;
  hookReplacement({ handOver: () => lastWords.handOver(), added });
  void gate.leases?.start();
  lastWords.install();
  return {
    ready: hasSeenAll
      ? tracing.started
      : Promise.all([tracing.started, patchAlreadyLoaded(logger, patch)]).then(() => {}),
    flush: () => lastWords.flush(),
    shutdown: () => lastWords.shutdown(),
  };
}

type Patch = (name: string, clientClass: unknown, location: string) => void;

interface GatesOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly tracing: Tracing;
  readonly probe: Probe;
}

function createGates({ config, logger, tracing, probe }: GatesOptions): {
  readonly gate: Gate;
  readonly toolGate: ToolGate;
} {
  const leases =
    config.endpoint === undefined
      ? undefined
      : new LeaseClient({
          transport: createHttpTransport({ endpoint: config.endpoint, apiKey: config.apiKey }),
          clock: systemClock,
          logger,
          introduction: { agent: config.agent, labels: config.labels, version: VERSION },
          waitMs: config.waitMs,
          expectsProcessor: config.expectsProcessor,
          unpatched: () => probe.unpatched,
          failures: () => gate.failures,
          catchUp: () => tracing.afterwork?.catchUp(),
          onHello: (reply) => {
            gate.onHello(reply);
            toolGate.onHello(reply);
          },
          onStops: (list) => gate.stops.onStops(list),
        });
  const gate = new Gate({ config, logger, leases, tracer: tracing.tracer, afterwork: tracing.afterwork });
  const toolGate = new ToolGate(gate);
  return { gate, toolGate };
}

async function patchAlreadyLoaded(logger: Logger, patch: Patch): Promise<void> {
  if (!CAN_HOOK) logger.log("warn", "on Bun only SDKs' classes are gated: wrap tools of frameworks with `guardTool`");
  const failures: string[] = [];
  let hasAny = false;
  for await (const { name, clientClass, location, problem } of loadedSdks()) {
    if (problem === undefined) {
      hasAny = true;
      patch(name, clientClass, location);
    } else failures.push(`${name} can't be gated: ${location} does not load: ${problem}`);
  }
  // Where others load, what does not load here does not load for the app either (Deno, which has to load what it looks for).
  for (const failure of failures) logger.log(hasAny ? "debug" : "warn", failure);
}
