/**
 * Chat models of LangChain that send through an SDK which is gated by itself: there the request is seen as it is sent, so it
 * is bounded and charged there, once. Every other chat model is gated where LangChain calls it.
 */
import { isGatedPackage } from "../gate/registry.ts";

/** By the name of the class or of one it extends. */
const SDK_OF_CLASS: Readonly<Record<string, string>> = {
  BaseChatOpenAI: "openai",
  ChatOpenAI: "openai",
  ChatAnthropic: "@anthropic-ai/sdk",
  ChatAnthropicMessages: "@anthropic-ai/sdk",
  ChatGroq: "groq-sdk",
  ChatMistralAI: "@mistralai/mistralai",
  ChatCohere: "cohere-ai",
  ChatOllama: "ollama",
  ChatBedrockConverse: "@aws-sdk/client-bedrock-runtime",
};

export function isGatedBelow(model: object): boolean {
  for (let type = model.constructor as unknown; typeof type === "function"; type = Object.getPrototypeOf(type)) {
    const sdk = Object.hasOwn(SDK_OF_CLASS, type.name) ? SDK_OF_CLASS[type.name] : undefined;
    if (sdk !== undefined) return isGatedPackage(sdk);
  }
  return false;
}
