/**
 * Puts the tool gate before the functions that `chat.completions.runTools` of `openai` runs itself. What is refused ends the run:
 * it rejects as it does for anything that a function throws.
 */
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";

type Run = (this: unknown, input: unknown, ...rest: unknown[]) => unknown;

interface Runner {
  _runTools: (this: object, client: unknown, params: Body, ...rest: unknown[]) => unknown;
}

/** Patches once. False for a class of another shape than the gate knows. */
export function patchToolRunner(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const runner = prototype as Runner;
  const original = runner._runTools;
  if (typeof original !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  replace(runner, "_runTools", function (client, params, ...rest) {
    if (registeredToolGate() === undefined) return original.call(this, client, params, ...rest);
    const tools = asArray(params["tools"]).map(gatedTool);
    return original.call(this, client, { ...params, tools }, ...rest);
  });
  return true;
}

/** A tool is `{ function: { function } }`, or one of the SDK's helpers, which keep the function under `$callback`. */
function gatedTool(value: unknown): unknown {
  const tool = asBody(value);
  const described = asBody(tool?.["function"]);
  if (tool === undefined || described === undefined) return value;
  const callback = tool["$callback"];
  if (typeof callback === "function") {
    return Object.create(tool, { $callback: { value: gated(asText(described["name"]) ?? "", callback as Run) } });
  }
  const run = described["function"];
  if (typeof run !== "function") return value;
  const name = asText(described["name"]) ?? run.name;
  return {
    ...tool,
    function: Object.create(described, {
      name: { value: name },
      function: { value: gated(name, run as Run) },
    }) as object,
  };
}

function gated(name: string, run: Run): Run {
  return function (this: unknown, input, ...rest) {
    const gate = registeredToolGate();
    if (gate === undefined) return run.call(this, input, ...rest);
    // A function without a parser gets the model's JSON as text; policies read what is in it.
    const parsed = typeof input === "string" ? parse(input) : input;
    const toText = (given: unknown): unknown => (given === parsed ? input : JSON.stringify(given));
    return runGated(gate, {
      name,
      options: {},
      parameters: [parsed],
      run: ([given]) => run.call(this, typeof input === "string" && parsed !== input ? toText(given) : given, ...rest),
      signal: signalOf(asBody(rest[0])?.["controller"]),
    });
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
