/** Guarded tools in a registered process without a processor, under policies that a test puts in force. */
import { afterEach, beforeEach } from "vitest";
import { withContext } from "../../instrumentation/src/context/context.ts";
import { guardTool } from "../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../instrumentation/src/guard/tool-gate.ts";
import type { ToolOptions } from "../../instrumentation/src/guard/tool-call.ts";
import { registerToolGate } from "../../instrumentation/src/guard/tool-registry.ts";
import { startGatedProcess } from "./gated-process.ts";
import type { GatedProcess } from "./gated-process.ts";

export interface Fleet {
  readonly policies: readonly unknown[];
  readonly tools?: readonly unknown[];
  readonly autonomy?: Readonly<Record<string, string>>;
  readonly label_levels?: readonly (string | readonly string[])[];
}

export interface ToolRig {
  /** Puts these documents in force. */
  readonly govern: (fleet: Fleet) => void;
  /** Of the span that ended last. */
  readonly attributes: () => Readonly<Record<string, unknown>>;
  /** A gate of a process with another environment, which is not registered. */
  startAgain(env: Readonly<Record<string, string>>): Promise<ToolGate>;
}

/** Registers the hooks: a process for each test. */
export function useToolRig(): ToolRig {
  let gated: GatedProcess;
  let toolGate: ToolGate;
  beforeEach(() => {
    gated = startGatedProcess();
    toolGate = new ToolGate(gated.gate);
    registerToolGate(toolGate);
  });
  afterEach(async () => {
    registerToolGate(undefined);
    await gated.stop();
  });
  return {
    govern: (fleet) => toolGate.onHello({ require_policy: false, ...fleet } as never),
    attributes: () => gated.spans().at(-1)?.attributes ?? {},
    async startAgain(env) {
      await gated.stop();
      gated = startGatedProcess({ env });
      return new ToolGate(gated.gate);
    },
  };
}

export const inSession = <T>(session: string, fn: () => T): T => withContext({ session }, fn);

export const tool = (name: string, options: ToolOptions = {}, result: unknown = "ok") =>
  guardTool(name, (_args?: Readonly<Record<string, unknown>>) => result, options);

/** Allows all but what meets the condition. */
export const denying = (name: string, when: string, effect = "deny") => ({
  kind: "policy",
  name: "p",
  default: "allow",
  rules: [{ name, effect, tools: ["*"], when }],
});
