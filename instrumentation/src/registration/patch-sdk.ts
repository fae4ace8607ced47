/** Patches the clients of known SDKs as they are loaded, and says so when one can't be patched. */
import { anthropicAdapter } from "../anthropic/adapter.ts";
import { hideOwnSpans } from "../anthropic/own-spans.ts";
import { patchAnthropicTools } from "../anthropic/patch-tools.ts";
import { patchClaudeAgent } from "../claude-agent/patch-query.ts";
import { patchBedrock } from "../bedrock/patch-client.ts";
import { patchCohere } from "../cohere/patch-client.ts";
import type { Logger } from "../config/logger.ts";
import { markGated } from "../gate/registry.ts";
import { patchModels } from "../google/patch-models.ts";
import { patchCaller } from "../langchain/patch-caller.ts";
import { patchChatModel } from "../langchain/patch-chat-model.ts";
import { patchTool } from "../langchain/patch-tool.ts";
import { groqAdapter } from "../groq/adapter.ts";
import { patchProtocol } from "../mcp/patch-protocol.ts";
import { patchMistral } from "../mistral/patch-sdk.ts";
import { patchOllama } from "../ollama/patch-ollama.ts";
import { patchCallTool } from "../llamaindex/patch-call-tool.ts";
import { patchMastra } from "../mastra/patch-mastra.ts";
import { openaiAdapter } from "../openai/adapter.ts";
import { patchToolRunner } from "../openai/patch-tools.ts";
import { patchAgents } from "../openai-agents/patch-agents.ts";
import { patchWs } from "../realtime/patch-ws.ts";
import { findClientPrototype } from "../stainless/client-shape.ts";
import type { ClientPrototype } from "../stainless/client-shape.ts";
import { patchDispatcher } from "../wire/hook-undici.ts";
import { isPatched, patchClient } from "../stainless/patch-client.ts";
import { patchAi } from "../vercel-ai/patch-ai.ts";
import type { LoadedFunctions } from "./loaded-report.ts";
import { SDK_FILES } from "./sdk-files.ts";

/** Patches the class of package `name`. False when it has not the shape that the gate knows. */
export function patchSdk(name: string, prototype: ClientPrototype | undefined): boolean {
  if (prototype === undefined) return false;
  if (isPatched(prototype)) return true;
  switch (name) {
    case "openai":
      patchClient(prototype, openaiAdapter);
      return true;
    case "@anthropic-ai/sdk":
      patchClient(prototype, anthropicAdapter);
      hideOwnSpans(prototype);
      return true;
    case "groq-sdk":
      patchClient(prototype, groqAdapter);
      return true;
    default:
      return false;
  }
}

const FUNCTION_PACKAGES: ReadonlySet<string> = new Set(
  SDK_FILES.filter(({ functions }) => functions !== undefined).map(({ name }) => name),
);

/** Patches a class that was just loaded; false, with a warning and the fix, when that fails: a silent no-op would be an open gate. */
export function patchLoadedClass(logger: Logger, name: string, clientClass: unknown, location: string): boolean {
  let isDone = false;
  try {
    const prototype = typeof clientClass === "function" ? (clientClass.prototype as object) : null;
    isDone = patchFunctions(name, clientClass) ?? patchPrototype(name, prototype);
  } catch (problem) {
    logger.log("debug", `patching ${name} failed: ${String(problem)}`);
  }
  if (isDone) {
    markGated(name);
    logger.log("debug", `${name} is gated: ${location}`);
  } else {
    // What keeps its places in functions can only be patched while it loads.
    const isLate = clientClass === undefined && FUNCTION_PACKAGES.has(name);
    const why = isLate
      ? `it was loaded before the gate (${location}); start with \`node --import @tollgate/instrumentation/register\``
      : `this version has another shape than the gate knows (${location}); use a supported version`;
    logger.log("error", `${name} is loaded but NOT gated: ${why}`);
  }
  return isDone;
}

/** `undefined`: the package is patched by its classes. */
function patchFunctions(name: string, loaded: unknown): boolean | undefined {
  const functions = (loaded ?? {}) as LoadedFunctions;
  switch (name) {
    case "ai":
      return patchAi(functions);
    case "@anthropic-ai/sdk/tools":
      return patchAnthropicTools(functions);
    case "@anthropic-ai/claude-agent-sdk":
      return patchClaudeAgent(functions);
    case "@openai/agents-core":
      return patchAgents(functions);
    case "@llamaindex/core":
      return patchCallTool(functions);
    case "@mastra/core":
      return patchMastra(functions);
    case "ws":
      return patchWs(functions);
    default:
      return undefined;
  }
}

/** Patches the class of package `name`, from its prototype. False when it has not the shape that the gate knows. */
export function patchPrototype(name: string, prototype: object | null): boolean {
  switch (name) {
    case "@google/genai":
      return patchModels(prototype);
    case "@langchain/core":
      return patchChatModel(prototype);
    case "@langchain/core/caller":
      return patchCaller(prototype);
    case "@langchain/core/tools":
      return patchTool(prototype);
    case "@modelcontextprotocol/sdk":
    case "@modelcontextprotocol/client":
    case "@modelcontextprotocol/server":
      return patchProtocol(prototype);
    case "openai/tools":
      return patchToolRunner(prototype);
    case "undici":
      return patchDispatcher(prototype);
    case "@mistralai/mistralai":
      return patchMistral(prototype);
    case "@aws-sdk/client-bedrock-runtime":
      return patchBedrock(prototype);
    case "cohere-ai":
      return patchCohere(prototype);
    case "ollama":
      return patchOllama(prototype);
    default:
      return patchSdk(name, findClientPrototype(prototype));
  }
}

/** The SDK that a client object belongs to, by what it offers. */
export function packageOfClient(client: object): string | undefined {
  if ("chat" in client && "responses" in client) return "openai";
  if ("chat" in client && "fim" in client) return "@mistralai/mistralai";
  if ("clientV2" in client || ("v2" in client && "embedJobs" in client)) return "cohere-ai";
  if ("models" in client && "chats" in client && "caches" in client) return "@google/genai";
  if ("chat" in client && "audio" in client && "makeRequest" in client) return "groq-sdk";
  if ("ongoingStreamedRequests" in client) return "ollama";
  if ("middlewareStack" in client && isBedrock(client)) return "@aws-sdk/client-bedrock-runtime";
  return "messages" in client ? "@anthropic-ai/sdk" : undefined;
}

/** All of AWS's clients have one shape. */
function isBedrock(client: object): boolean {
  const { config } = client as { readonly config?: { readonly serviceId?: unknown } };
  return config?.serviceId === "Bedrock Runtime";
}
