/**
 * Puts the tool gate into `callTool` of `@llamaindex/core`, with which its agents, its agent workflows and its models run tools. What
 * is refused becomes the tool's result, an error that the model reads, as each failed tool does. Models go through SDKs that
 * are gated by themselves.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import * as semconv from "../semconv.ts";

interface Tool {
  readonly metadata: { readonly name: string };
  readonly call?: (input: unknown) => unknown;
}

/** Each of the package's files that run tools has a function of its own. False for one that lacks it. */
export function patchCallTool(functions: LoadedFunctions): boolean {
  return replaceFunction(functions, "callTool", (callTool) => async (tool, toolCall, ...rest) => {
    if (!isTool(tool)) return callTool(tool, toolCall, ...rest);
    const output = await callTool(gatedTool(tool, asText(asBody(toolCall)?.["id"])), toolCall, ...rest);
    return { ...asBody(output), tool };
  });
}

function isTool(tool: unknown): tool is Required<Tool> {
  return typeof asBody(tool)?.["call"] === "function";
}

/** The tool itself in all but `call`: its members are behind private fields. */
function gatedTool(tool: Required<Tool>, callId: string | undefined): Tool {
  const decide = (input: unknown): unknown => {
    const gate = registeredToolGate();
    if (gate === undefined) return tool.call(input);
    return runGated(gate, {
      name: tool.metadata.name,
      options: {},
      parameters: [input],
      run: ([given]) => tool.call(given),
      attributes: callId === undefined ? {} : { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: callId },
    });
  };
  return new Proxy(tool, {
    get: (target, name) => (name === "call" ? decide : (Reflect.get(target, name, target) as unknown)),
  });
}
