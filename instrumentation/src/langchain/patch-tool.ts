/**
 * Puts the tool gate before `_call` of LangChain's tools, in the class that a tool's `_call` comes from: arguments have been
 * read by the tool's schema then. What is refused throws; LangGraph's ToolNode turns that into a message that the model reads.
 */
import { inSession } from "../context/framework-session.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { threadOf } from "./run-config.ts";

interface Tool {
  readonly name: string;
}

type Call = (this: Tool, input: unknown, manager: unknown, config: unknown) => unknown;

const gated = new WeakSet<object>();

/** Patches `StructuredTool` once. False for a class of another shape than the gate knows. */
export function patchTool(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const base = prototype as { call?: (...given: unknown[]) => unknown };
  const original = base.call;
  if (typeof original !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  replace(base as Required<typeof base>, "call", function (this: Tool, ...given) {
    gateKind(this);
    return original.apply(this, given);
  });
  return true;
}

function gateKind(tool: Tool): void {
  let owner: object | null = tool;
  while (owner !== null && !Object.hasOwn(owner, "_call")) owner = Object.getPrototypeOf(owner) as object | null;
  const methods = owner as { _call: Call } | null;
  if (methods === null || gated.has(methods._call)) return;
  const ours = gatedCall(methods._call);
  gated.add(ours);
  replace(methods, "_call", ours);
}

function gatedCall(original: Call): Call {
  return function (this: Tool, input, manager, config) {
    const gate = registeredToolGate();
    if (gate === undefined) return original.call(this, input, manager, config);
    const callId = asText(asBody(asBody(config)?.["toolCall"])?.["id"]);
    return inSession(threadOf(config), () =>
      runGated(gate, {
        name: this.name,
        options: {},
        parameters: [input],
        run: ([given]) => original.call(this, given, manager, config),
        signal: signalOf(config),
        attributes: callId === undefined ? {} : { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: callId },
      }),
    );
  };
}
