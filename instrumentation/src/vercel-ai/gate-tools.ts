/** Puts the tool gate before `execute` of the AI SDK's tools. What is refused is an error result: the model reads why. */
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";

type Execute = (this: unknown, input: unknown, options: unknown) => unknown;

/** `tools` with the gate before those of `names`. The app's own objects stay as they are. */
export function gateTools(tools: unknown, names: readonly string[]): unknown {
  const all = asBody(tools);
  if (all === undefined || registeredToolGate() === undefined) return tools;
  const gated: Record<string, unknown> = { ...all };
  for (const name of names) {
    const tool = Object.hasOwn(all, name) ? asBody(all[name]) : undefined;
    if (tool !== undefined && typeof tool["execute"] === "function") gated[name] = gatedTool(name, tool);
  }
  return gated;
}

function gatedTool(name: string, tool: Body): unknown {
  const execute = tool["execute"] as Execute;
  const decide = (input: unknown, options: unknown): unknown => {
    const gate = registeredToolGate();
    if (gate === undefined) return execute.call(tool, input, options);
    return runGated(gate, {
      name,
      options: {},
      parameters: [input],
      run: ([given]) => execute.call(tool, given, options),
      signal: signalOf(options, "abortSignal"),
      attributes: { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: asText(asBody(options)?.["toolCallId"]) ?? "" },
    });
  };
  const stream = async function* (input: unknown, options: unknown): AsyncGenerator<unknown> {
    yield* (await decide(input, options)) as AsyncIterable<unknown>;
  };
  // Results that come one after the other are asked for at once, also where the decision has to be waited for.
  const run = Object.prototype.toString.call(execute) === "[object AsyncGeneratorFunction]" ? stream : decide;
  // The prototype too: a tool may be an object of a class. Own members as they are, getters among them.
  return Object.create(tool, { execute: { value: run, enumerable: true } });
}
