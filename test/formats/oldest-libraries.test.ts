/**
 * The oldest versions that are supported, held to what `test/support/libraries/suite.ts` holds the newest to: what an app sees, and what is
 * charged. `as-bare` holds how their objects look.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type Anthropic from "@anthropic-ai/sdk";
import type * as Google from "@google/genai";
import type OpenAI from "openai";
import { expect, it } from "vitest";
import { patchModels } from "../../instrumentation/src/google/patch-models.ts";
import { patchSdk } from "../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../instrumentation/src/stainless/client-shape.ts";
import { hookFrameworks } from "../support/framework-rig.ts";
import { anthropicMessages, anthropicSettings, messagesOf } from "../support/libraries/anthropic.ts";
import { generateOf, googleGenai, googleSettings } from "../support/libraries/google.ts";
import type { Library } from "../support/libraries/library.ts";
import {
  chatOf,
  embeddingsOf,
  openaiChat,
  openaiEmbeddings,
  openaiResponses,
  openaiSettings,
  responsesOf,
} from "../support/libraries/openai.ts";
import { Stage } from "../support/libraries/stage.ts";
import { holdToThePromises } from "../support/libraries/suite.ts";
import { oldestFolder } from "./oldest.ts";

hookFrameworks();
const { ownModel } = await import("../support/frameworks/langchain.ts");
const { vercelAiOf } = await import("../support/frameworks/vercel-ai.ts");

const require = createRequire(join(oldestFolder(), "package.json"));
const load = <T>(name: string): T => require(name) as T;

const { OpenAI: OldOpenAI } = load<{ readonly OpenAI: typeof OpenAI }>("openai");
const { Anthropic: OldAnthropic } = load<{ readonly Anthropic: typeof Anthropic }>("@anthropic-ai/sdk");
const genai = load<typeof Google>("@google/genai");

const openaiOf = (url: string, options = {}): OpenAI =>
  new OldOpenAI({ baseURL: `${url}/v1`, ...openaiSettings(options) });
const patchOpenai = (): void => void patchSdk("openai", findClientPrototype(OldOpenAI.prototype));

const OLDEST: readonly Library[] = [
  { ...openaiChat, patch: patchOpenai, client: (url, options) => chatOf(openaiOf(url, options)) },
  { ...openaiResponses, patch: patchOpenai, client: (url, options) => responsesOf(openaiOf(url, options)) },
  { ...openaiEmbeddings, patch: patchOpenai, client: (url, options) => embeddingsOf(openaiOf(url, options)) },
  {
    ...anthropicMessages,
    patch: () => void patchSdk("@anthropic-ai/sdk", findClientPrototype(OldAnthropic.prototype)),
    client: (url, options = {}) =>
      messagesOf(
        new OldAnthropic({ apiKey: "test", baseURL: url, ...anthropicSettings(options) }),
        anthropicMessages.model,
      ),
  },
  {
    ...googleGenai,
    sendsAborted: true,
    patch: () => void patchModels(genai.Models.prototype),
    client: (url, options = {}) =>
      generateOf(new genai.GoogleGenAI({ apiKey: "test", ...googleSettings(url, options) })),
  },
  ownModel({
    models: load("@langchain/core/language_models/chat_models"),
    messages: load("@langchain/core/messages"),
    outputs: load("@langchain/core/outputs"),
  }),
  ...vercelAiOf(load("ai"), load("@ai-sdk/openai"), load("@ai-sdk/anthropic")),
];

holdToThePromises(OLDEST);

it("sends nothing of what is aborted while it waits for money, where the SDK would", async () => {
  const library = OLDEST.find(({ sendsAborted }) => sendsAborted);
  if (library === undefined) throw new Error("one sends what was aborted");
  const stage = new Stage();
  await stage.open([library]);
  stage.reset();
  stage.play(library);
  stage.startGate();
  const leaving = new AbortController();
  stage.ledger.intercept = () => {
    leaving.abort();
    return undefined;
  };
  const asked = stage.clientOf(library).ask({ prompt: "hi", maxTokens: 50, signal: leaving.signal });
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  await stage.leave();
  expect([stage.paid(), stage.ledger.settled, stage.ledger.outstanding]).toEqual([0n, 0n, 0n]);
  await stage.close();
});
