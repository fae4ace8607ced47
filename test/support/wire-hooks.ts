/** The wire's hooks in the process of a test file: what runs in it is known by its context, and each request passes the gate's second line. */
import { context } from "@opentelemetry/api";
import { afterAll, beforeAll } from "vitest";
import { readConfig } from "../../instrumentation/src/config/config.ts";
import { ProcessContextManager } from "../../instrumentation/src/telemetry/process-context-manager.ts";
import { hookWire } from "../../instrumentation/src/wire/hook-wire.ts";

/** For a whole file: hooks are put in once for a process. */
export function useWireHooks(): void {
  beforeAll(() => {
    context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
    hookWire();
  });
  afterAll(() => context.disable());
}
