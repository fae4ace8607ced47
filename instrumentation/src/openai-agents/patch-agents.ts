/**
 * Puts the tool gate and the turn's agent into `@openai/agents-core`. Models go through `openai`, which is gated by itself; here
 * their calls get the agent that makes them. The functions are the package's own, replaced as they are loaded.
 */
import { stepsIn } from "../context/framework-session.ts";
import { ErrorCode, TollgateError } from "../errors.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import * as semconv from "../semconv.ts";
import { enterTurn, rememberTurn } from "./turns.ts";

/** What the model is told instead of a result; anything else ends the run. */
const TOLD: ReadonlySet<string> = new Set([ErrorCode.toolDenied, ErrorCode.approvalPending, ErrorCode.approvalDenied]);

/** Called for each of the package's files that has a place. False for one that lacks it. */
export function patchAgents(functions: LoadedFunctions): boolean {
  const places = [
    replaceFunction(functions, "prepareAgentArtifacts", (prepare) => async (...given) => {
      const artifacts = asBody(await prepare(...given));
      const state = asBody(given[0]);
      rememberTurn(state, [artifacts?.["serializedTools"], state?.["_context"]]);
      return artifacts;
    }),
    replaceFunction(functions, "getResponseWithRetry", (ask) => (...given) => {
      const request = asBody(given[1]);
      return enterTurn(request?.["tools"], asText(request?.["conversationId"]))(() => ask(...given));
    }),
    replaceFunction(functions, "getStreamedResponseWithRetry", (ask) => (...given) => {
      const request = asBody(given[1]);
      const enter = enterTurn(request?.["tools"], asText(request?.["conversationId"]));
      return stepsIn(enter, ask(...given) as AsyncGenerator<unknown>);
    }),
    replaceFunction(functions, "invokeFunctionTool", (invoke) => async (call) => {
      const asked = asBody(call) ?? {};
      return enterTurn(asked["runContext"], undefined)(() => runTool(asked, invoke));
    }),
  ];
  return places.includes(true);
}

async function runTool(asked: Body, invoke: (call: unknown) => unknown): Promise<unknown> {
  const gate = registeredToolGate();
  if (gate === undefined) return invoke(asked);
  const tool = asBody(asked["tool"]) ?? {};
  const callId = asText(asBody(asBody(asked["details"])?.["toolCall"])?.["callId"]);
  try {
    return await runGated(gate, {
      name: asText(tool["name"]) ?? "",
      options: {},
      // The text is what the tool reads; nobody can change it after the decision.
      parameters: [parsed(asked["input"])],
      run: () => invoke(asked),
      signal: signalOf(asked["details"]),
      attributes: callId === undefined ? {} : { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: callId },
    });
  } catch (error) {
    const isTold = error instanceof TollgateError && TOLD.has(error.code) && tool["outputSchema"] === undefined;
    if (isTold) return error.message;
    throw error;
  }
}

function parsed(input: unknown): unknown {
  try {
    return JSON.parse(String(input));
  } catch {
    return input;
  }
}
