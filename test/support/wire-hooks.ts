/** The wire's hooks in the process of a test file: what runs in it is known by its context, and each request passes the gate's second line. */
import { context } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { readConfig } from "../../instrumentation/src/config/config.ts";
import { ProcessContextManager } from "../../instrumentation/src/telemetry/process-context-manager.ts";
import { hookWire } from "../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../instrumentation/src/wire/wire.ts";
import { startGatedProcess } from "./gated-process.ts";
import type { GatedProcess } from "./gated-process.ts";
import { startScriptedProvider } from "./scripted-provider.ts";
import type { Script, ScriptedProvider } from "./scripted-provider.ts";

/** For a whole file: hooks are put in once for a process. */
export function useWireHooks(): void {
  beforeAll(() => {
    context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
    hookWire();
  });
  afterAll(() => context.disable());
}

export interface GatedWire {
  /** Of this test. */
  readonly provider: ScriptedProvider;
  /** As it was started last. */
  readonly gated: GatedProcess;
  /** From here on the requests of this process are gated; before, they are bare. */
  start(options: Parameters<typeof startGatedProcess>[0]): void;
}

/** For a whole file: the wire's hooks, and for each test a provider that answers by `script`, and a gate, which both end with it. */
export function useGatedWire(script: Script, options?: { readonly speaksHttp2?: boolean }): GatedWire {
  let provider: ScriptedProvider | undefined;
  let gated: GatedProcess | undefined;
  useWireHooks();
  beforeEach(async () => {
    provider = await startScriptedProvider(script, options);
  });
  afterEach(async () => {
    registerWire(undefined);
    await gated?.stop();
    gated = undefined;
    await provider?.close();
  });
  return {
    get provider() {
      return there(provider);
    },
    get gated() {
      return there(gated);
    },
    start(options) {
      gated = startGatedProcess(options);
      registerWire(new Wire(gated.gate));
    },
  };
}

function there<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error("it is not started");
  return thing;
}
