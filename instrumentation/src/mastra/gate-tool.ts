/** Puts the tool gate before tools of Mastra: as an agent runs them, and as code runs one directly. Each run is decided once. */
import { AsyncLocalStorage } from "node:async_hooks";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";

type Execute = (this: unknown, input: unknown, context: unknown) => unknown;

/** The tool that an agent has been allowed to run, until it has run. */
interface Decided {
  readonly tool: unknown;
  isTaken: boolean;
}

const decided = new AsyncLocalStorage<Decided>();

/** What an agent runs in place of `execute`. Refusals are thrown: Mastra tells them to the model, as it does when a tool fails. */
export function gatedExecute(
  execute: unknown,
  { tool, options }: { readonly tool: unknown; readonly options: Body },
): unknown {
  if (typeof execute !== "function") return execute;
  const original = execute as Execute;
  return async function (this: unknown, input: unknown, context: unknown) {
    const gate = registeredToolGate();
    if (gate === undefined) return original.call(this, input, context);
    const callId = asText(asBody(context)?.["toolCallId"]);
    return runGated(gate, {
      name: asText(options["name"]) ?? "",
      options: {},
      parameters: [input],
      run: ([given]) => decided.run({ tool, isTaken: false }, () => original.call(this, given, context)),
      signal: signalOf(context, "abortSignal"),
      attributes: callId === undefined ? {} : { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: callId },
    });
  };
}

/** A tool that was just made: whoever runs it by itself passes the gate, under its id. */
export function gateDirectly(made: object): void {
  const tool = made as { readonly id?: unknown; execute?: Execute };
  const { execute } = tool;
  if (typeof execute !== "function") return;
  tool.execute = async function (this: unknown, input, context) {
    const gate = registeredToolGate();
    if (gate === undefined || isDecided(tool)) return execute.call(this, input, context);
    return runGated(gate, {
      name: asText(tool.id) ?? "",
      options: {},
      parameters: [input],
      run: ([given]) => execute.call(this, given, context),
      signal: signalOf(context, "abortSignal"),
    });
  };
}

function isDecided(tool: object): boolean {
  const above = decided.getStore();
  if (above === undefined || above.isTaken || above.tool !== tool) return false;
  above.isTaken = true;
  return true;
}
