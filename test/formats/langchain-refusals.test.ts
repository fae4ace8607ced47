/**
 * Goal: what the gate refuses is final for whatever of LangChain makes calls, in its oldest and its newest version and in both module systems. Method: an agent of its
 * own for each, so that nothing else of LangChain has come by, with a model of embeddings first; it tells how often each was tried.
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startScriptedProvider, type ScriptedProvider } from "../support/scripted-provider.ts";
import { PRELOAD, write } from "./agents.ts";
import { oldestFolder } from "./oldest.ts";
import { spawnAgent } from "./run-cell.ts";

const FETCH_MS_MAX = 900_000;

let folders: Readonly<Record<"oldest" | "newest", string>>;
let provider: ScriptedProvider;

beforeAll(async () => {
  folders = { oldest: oldestFolder(), newest: join(import.meta.dirname, "..", "..") };
  provider = await startScriptedProvider();
}, FETCH_MS_MAX);

afterAll(() => provider.close());

const IMPORTS = [
  ["{ Embeddings }", "@langchain/core/embeddings"],
  ["{ BaseChatModel }", "@langchain/core/language_models/chat_models"],
  ["{ OpenAI }", "openai"],
] as const;

/** As the integrations of LangChain do it: a client of an SDK that does not try again by itself, called by LangChain's caller. */
const AGENT = `
const client = new OpenAI({ apiKey: "x", baseURL: process.env.PROVIDER_URL + "/v1", maxRetries: 0 });
let tries = 0;
class OpenAIEmbeddings extends Embeddings {
  embedQuery(input) {
    return this.caller.call(async () => (tries++, client.embeddings.create({ model: "text-embedding-3-small", input })));
  }
}
class ChatOpenAI extends BaseChatModel {
  _llmType() { return "openai"; }
  async _generate() {
    const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }] };
    return this.caller.callWithOptions({}, async () => (tries++, client.chat.completions.create(request)));
  }
}
const tell = (kind) => (error) => { console.log(kind, error.code, tries); tries = 0; };
new OpenAIEmbeddings({ maxRetries: 1 }).embedQuery("hi").catch(tell("embeddings"))
  .then(() => new ChatOpenAI({ maxRetries: 1 }).invoke("hi")).catch(tell("chat"));
`;

it.each([
  ["oldest", "mjs"],
  ["oldest", "cjs"],
  ["newest", "mjs"],
  ["newest", "cjs"],
] as const)("the %s version does not try a refusal again, in .%s", async (age, extension) => {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-langchain-"));
  symlinkSync(join(folders[age], "node_modules"), join(folder, "node_modules"));
  const imports = IMPORTS.map(([names, from]) =>
    extension === "mjs" ? `import ${names} from "${from}";` : `const ${names} = require("${from}");`,
  );
  const file = write(folder, `agent.${extension}`, imports.join("\n") + AGENT);
  const child = spawnAgent({ node: process.execPath, args: [...PRELOAD, file], folder, providerUrl: provider.url });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => void out.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void err.push(text));
  await new Promise((resolve, reject) => void child.once("error", reject).once("close", resolve));
  rmSync(folder, { recursive: true, force: true });
  expect(out.join(""), err.join("")).toBe("embeddings budget_exceeded 1\nchat budget_exceeded 1\n");
  expect(provider.requests).toEqual([]);
});
