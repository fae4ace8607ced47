/** The frameworks that the shared suite holds to the same promises as the SDKs. To be loaded once their hooks are there. */
import type { Library } from "../libraries/library.ts";
import { langchain } from "./langchain.ts";
import { llamaindexChat } from "./llamaindex.ts";
import { mastraAgent } from "./mastra.ts";
import { openaiAgents } from "./openai-agents.ts";
import { vercelAi } from "./vercel-ai.ts";

export const FRAMEWORKS: readonly Library[] = [...vercelAi, ...langchain, ...openaiAgents, mastraAgent, llamaindexChat];
