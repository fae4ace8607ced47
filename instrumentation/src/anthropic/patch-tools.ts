/**
 * Puts the tool gate before the tools that `@anthropic-ai/sdk` runs itself (`toolRunner`, managed sessions): the one function of the
 * package that runs a tool. What is refused is an error result, as everything is that a tool throws: the model reads why.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import * as semconv from "../semconv.ts";

interface Tool {
  readonly name?: unknown;
  readonly mcp_server_name?: unknown;
  readonly type?: unknown;
  readonly parse?: (input: unknown) => unknown;
  run(input: unknown, context: unknown): unknown;
}

/** False for a version without that function. */
export function patchAnthropicTools(functions: LoadedFunctions): boolean {
  return replaceFunction(functions, "runRunnableTool", (run) => (tool: unknown, input: unknown, context: unknown) => {
    return run(registeredToolGate() === undefined ? tool : gatedTool(tool as Tool), input, context);
  });
}

function gatedTool(tool: Tool): object {
  const { parse } = tool;
  return {
    ...(parse !== undefined && { parse: (input: unknown) => tool.parse?.(input) }),
    run(input: unknown, context: unknown): unknown {
      const gate = registeredToolGate();
      if (gate === undefined) return tool.run(input, context);
      const id = asText(asBody(asBody(context)?.["toolUse"])?.["id"]);
      return runGated(gate, {
        name: asText(tool.name) ?? asText(tool.mcp_server_name) ?? asText(tool.type) ?? "",
        options: {},
        parameters: [input],
        run: ([given]) => tool.run(given, context),
        signal: signalOf(context),
        ...(id !== undefined && { attributes: { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: id } }),
      });
    },
  };
}
