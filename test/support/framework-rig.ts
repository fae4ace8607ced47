/**
 * The frameworks as an app has them in a registered process: hooks in place before they are imported, both gates, and the
 * provider simulator, whose own books the spans are held against.
 */
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { expect } from "vitest";
import { registerToolGate } from "../../instrumentation/src/guard/tool-registry.ts";
import { ToolGate } from "../../instrumentation/src/guard/tool-gate.ts";
import { findTollgateError } from "../../instrumentation/src/errors.ts";
import { createLogger } from "../../instrumentation/src/config/logger.ts";
import { markGated } from "../../instrumentation/src/gate/registry.ts";
import { hookModules } from "../../instrumentation/src/registration/module-hooks.ts";
import { patchLoadedClass } from "../../instrumentation/src/registration/patch-sdk.ts";
import { context } from "@opentelemetry/api";
import { readConfig } from "../../instrumentation/src/config/config.ts";
import { ProcessContextManager } from "../../instrumentation/src/telemetry/process-context-manager.ts";
import { hookWire } from "../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../instrumentation/src/wire/wire.ts";
import { ProviderSimulator, type SimulatorOptions } from "../../src/demo/provider/simulator.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { startGatedProcess, type GatedProcess } from "./gated-process.ts";

export const patchLog: string[] = [];

/** Call before the first import of a framework. */
export function hookFrameworks(): void {
  const logger = createLogger("debug", (line) => patchLog.push(line));
  // `startGatedProcess` patches the ES module itself.
  markGated("openai");
  context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
  hookWire();
  hookModules((file, loaded, location) => patchLoadedClass(logger, file.name, loaded, location));
}

/** What two runs answer is compared, times included. */
const NOW_UNIX_MS = 1_795_294_096_000;

export interface FrameworkRig {
  readonly simulator: ProviderSimulator;
  readonly url: string;
  readonly gated: GatedProcess;
  /** What the provider has billed. */
  paid(): bigint;
  /** Spans of calls of models, oldest first. */
  calls(): readonly ReadableSpan[];
  /** Spans of tools. */
  tools(): readonly ReadableSpan[];
  stop(): Promise<void>;
}

export async function startFrameworkRig(
  options: { readonly env?: Readonly<Record<string, string>>; readonly simulator?: SimulatorOptions } = {},
): Promise<FrameworkRig> {
  const simulator = new ProviderSimulator({
    outputTokens: { min: 20, max: 60 },
    now: () => NOW_UNIX_MS,
    ...options.simulator,
  });
  const url = await simulator.start();
  const gated = startGatedProcess({ env: options.env ?? {} });
  registerToolGate(new ToolGate(gated.gate));
  registerWire(new Wire(gated.gate));
  const named = (isTool: boolean) =>
    gated.spans().filter(({ attributes }) => (attributes["gen_ai.operation.name"] === "execute_tool") === isTool);
  return {
    simulator,
    url,
    gated,
    paid: () => BigInt(simulator.count().nano_usd),
    calls: () => named(false).filter(({ attributes }) => attributes["tollgate.cost.status"] !== undefined),
    tools: () => named(true),
    async stop() {
      registerToolGate(undefined);
      registerWire(undefined);
      await gated.stop();
      await simulator.stop();
    },
  };
}

export function costOf(spans: readonly ReadableSpan[]): bigint {
  return spans.reduce((sum, { attributes }) => sum + BigInt(Number(attributes["tollgate.cost.nano_usd"] ?? 0)), 0n);
}

/** What the spans say: each call with its status, and the sum. */
export function charged(rig: FrameworkRig): unknown {
  const statuses = rig.calls().map(({ attributes }) => attributes["tollgate.cost.status"]);
  return { statuses, requests: rig.simulator.count().calls, nanoUsd: costOf(rig.calls()) };
}

/** What they should say of `calls` calls: each charged once, to the nano-dollar. */
export function exactly(rig: FrameworkRig, calls: number): unknown {
  return { statuses: Array.from({ length: calls }, () => "exact"), requests: calls, nanoUsd: rig.paid() };
}

/** Of every agent. */
export const KILL = {
  id: "k",
  act: "kill",
  selector: "*",
  reason: "enough",
  author: "ada",
  at: "2026-11-21T21:00:00Z",
} as const;

/** After somebody has stopped every agent: the code of our error that the app finds, and what reached the provider. */
export async function refusal(rig: FrameworkRig, run: () => Promise<unknown>): Promise<unknown> {
  rig.gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
  const before = rig.simulator.count().requests;
  const error = await run().catch((thrown: unknown) => thrown);
  return { code: findTollgateError(error)?.code, requests: rig.simulator.count().requests - before };
}

/** Of a `run` that gives up its one stream in the middle: how its cost is known, and whether it covers what was billed. */
export async function abandoned(rig: FrameworkRig, run: () => Promise<unknown>): Promise<unknown> {
  await run().catch(() => {});
  const isOver = () => rig.simulator.count().in_flight === 0 && rig.calls().length === 1;
  await waitFor(isOver, { what: "the end of the stream", timeoutMs: 60_000 });
  const [status] = rig.calls().map(({ attributes }) => attributes["tollgate.cost.status"]);
  return { status, isBilled: rig.paid() > 0n, isCovered: costOf(rig.calls()) >= rig.paid() };
}

/** What the model's span says of the tools it asks for, and what their spans say of where they come from. */
export function chain(rig: FrameworkRig): unknown {
  const asking = rig.calls().filter(({ attributes }) => attributes["tollgate.proposed.tools"] !== undefined);
  const spanIds = new Set(asking.map((span) => span.spanContext().spanId));
  return {
    tools: asking.flatMap(({ attributes }) => attributes["tollgate.proposed.tools"]),
    ids: asking.flatMap(({ attributes }) => attributes["tollgate.proposed.call_ids"]),
    digests: asking.flatMap(({ attributes }) => attributes["tollgate.proposed.arguments_digests"]),
    from: rig.tools().map(({ attributes }) => spanIds.has(String(attributes["tollgate.tool.proposed_by"]))),
    decided: rig.tools().map(({ attributes }) => attributes["tollgate.tool.arguments_digest"]),
  };
}

/** What they should say of one tool that the simulator asks for: the same call, by the same arguments. */
export function proposed(tool: string): unknown {
  const digest: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);
  return { tools: [tool], ids: ["call_1"], digests: [digest], from: [true], decided: [digest] };
}
