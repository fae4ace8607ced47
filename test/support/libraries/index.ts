/** All libraries that the shared suite holds to the same promises. A new one joins by a line here. */
import { anthropicBatches, anthropicBedrock, anthropicMessages, anthropicVertex } from "./anthropic.ts";
import { bedrockConverse, bedrockInvokeClaude, bedrockInvokeNova } from "./bedrock.ts";
import { cohereV1, cohereV2 } from "./cohere.ts";
import { googleEmbeddings, googleGenai, googleVertex, googleVertexEmbeddings } from "./google.ts";
import { groqChat } from "./groq.ts";
import type { Library } from "./library.ts";
import { mistralChat } from "./mistral.ts";
import { ollamaChat, ollamaGenerate } from "./ollama.ts";
import {
  azureChat,
  azureEmbeddings,
  azureImages,
  azureResponses,
  azureSpeech,
  azureTranscriptions,
  openaiChat,
  openaiCompletions,
  openaiEmbeddings,
  openaiImages,
  openaiResponses,
  openaiSpeech,
  openaiTranscriptions,
} from "./openai.ts";

export const LIBRARIES: readonly Library[] = [
  openaiChat,
  openaiResponses,
  azureChat,
  azureResponses,
  openaiCompletions,
  openaiEmbeddings,
  azureEmbeddings,
  openaiImages,
  openaiTranscriptions,
  openaiSpeech,
  azureImages,
  azureTranscriptions,
  azureSpeech,
  anthropicMessages,
  anthropicBatches,
  anthropicVertex,
  anthropicBedrock,
  googleGenai,
  googleVertex,
  googleEmbeddings,
  googleVertexEmbeddings,
  groqChat,
  mistralChat,
  cohereV2,
  cohereV1,
  ollamaChat,
  ollamaGenerate,
  bedrockConverse,
  bedrockInvokeClaude,
  bedrockInvokeNova,
];
