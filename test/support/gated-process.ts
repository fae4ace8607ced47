/**
 * The gate as a test has it: the real SDK classes patched in this process, spans in memory, and, when asked for, a ledger in
 * memory that grants by the rules of the protocol.
 */
import { emptyResource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import Anthropic, { BaseAnthropic } from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { readConfig } from "../../instrumentation/src/config/config.ts";
import { createLogger } from "../../instrumentation/src/config/logger.ts";
import { Gate } from "../../instrumentation/src/gate/gate.ts";
import { registerGate } from "../../instrumentation/src/gate/registry.ts";
import { systemClock } from "../../instrumentation/src/lease/clock.ts";
import { LeaseClient } from "../../instrumentation/src/lease/lease-client.ts";
import type { Transport } from "../../instrumentation/src/lease/transport.ts";
import { patchSdk } from "../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../instrumentation/src/stainless/client-shape.ts";
import { Afterwork } from "../../instrumentation/src/telemetry/afterwork.ts";
import { GateTracer } from "../../instrumentation/src/telemetry/gate-span.ts";
import { conventionProblems } from "./genai-conventions.ts";

export interface GatedProcess {
  readonly gate: Gate;
  readonly log: readonly string[];
  /** Spans that have ended, oldest first. */
  spans(): readonly ReadableSpan[];
  /** Throws where a span does not follow the GenAI conventions. */
  stop(): Promise<void>;
}

/** Registers the gate in this process. `env` is the whole environment that the gate reads. */
export function startGatedProcess(
  options: { readonly env?: Readonly<Record<string, string>>; readonly transport?: Transport } = {},
): GatedProcess {
  const log: string[] = [];
  const ended: ReadableSpan[] = [];
  const afterwork = new Afterwork();
  const onEnd = (span: ReadableSpan): void => {
    afterwork.catchUp();
    ended.push(span);
  };
  const tracer = new GateTracer({
    resource: emptyResource(),
    instrumentationScope: { name: "test" },
    listener: { onStart: () => {}, onEnd },
  });
  const endpoint = options.transport === undefined ? { TOLLGATE_ENDPOINT: "off" } : {};
  const config = readConfig({ ...endpoint, ...options.env });
  const logger = createLogger("debug", (line) => log.push(line));
  const leases =
    options.transport === undefined
      ? undefined
      : new LeaseClient({
          transport: options.transport,
          clock: systemClock,
          logger,
          introduction: { agent: config.agent, labels: config.labels, version: "test" },
          expectsProcessor: config.expectsProcessor,
          catchUp: () => afterwork.catchUp(),
          onHello: (reply) => gate.onHello(reply),
          onStops: (list) => gate.stops.onStops(list),
        });
  const gate = new Gate({ config, logger, leases, tracer, afterwork });
  patchSdk("openai", findClientPrototype(OpenAI.prototype));
  patchSdk("@anthropic-ai/sdk", findClientPrototype(BaseAnthropic.prototype));
  registerGate(gate);
  return {
    gate,
    log,
    spans: () => {
      afterwork.catchUp();
      return ended;
    },
    async stop() {
      registerGate(undefined);
      gate.endOpenCalls();
      afterwork.catchUp();
      await leases?.close();
      const problems = new Set(ended.flatMap(conventionProblems));
      if (problems.size > 0) throw new Error(`not as the conventions have it: ${[...problems].join("; ")}`);
    },
  };
}

export function openaiClient(url: string, options: Readonly<Record<string, unknown>> = {}): OpenAI {
  return new OpenAI({ apiKey: "test", baseURL: `${url}/v1`, maxRetries: 0, ...options });
}

export function anthropicClient(url: string, options: Readonly<Record<string, unknown>> = {}): Anthropic {
  return new Anthropic({ apiKey: "test", baseURL: url, maxRetries: 0, ...options });
}
