/**
 * The tools that `@anthropic-ai/sdk` and `openai` run themselves, in a real process under a policy: one is allowed and runs, one is
 * denied and does not. Anthropic's runner tells the model why; OpenAI's ends with the typed error.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chatUsage, message, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const POLICY = `
kind: policy
name: tools
agents: ["*"]
default: deny
allow: ["look_up"]
deny: ["drop_all"]
`;

let provider: ScriptedProvider;
let folder: string;

const WORK = String.raw`
const url = process.argv[2];
const ran = [];
const parameters = { type: "object", properties: { id: { type: "string" } } };
const anthropic = new Anthropic({ apiKey: "k", baseURL: url, maxRetries: 0 });
const openai = new OpenAI({ apiKey: "k", baseURL: url + "/v1", maxRetries: 0 });
const show = async (name, work) => {
  let seen;
  try { seen = await work(); }
  catch (error) { seen = { code: error.code ?? error.cause?.code }; }
  console.log(JSON.stringify([name, seen, ran.splice(0)]));
};
const run = async () => {
  for (const name of ["look_up", "drop_all"]) {
    const body = { model: "claude-haiku-4-5", max_tokens: 50, messages: [{ role: "user", content: name }] };
    const tool = { type: "custom", name, input_schema: parameters, run: async ({ id }) => { ran.push(id); return "found"; } };
    await show("anthropic " + name, async () => (await anthropic.beta.messages.toolRunner({ ...body, tools: [tool] })).content[0].text);
    const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: name }] };
    const parsed = { type: "function", function: { name, parameters, parse: JSON.parse, function: ({ id }) => { ran.push(id); return "found"; } } };
    await show("openai " + name, () => openai.chat.completions.runTools({ ...chat, tools: [parsed] }).finalContent());
    const raw = { type: "function", function: { name, parameters, function: (text) => { ran.push(text); return "found"; } } };
    await show("openai text " + name, () => openai.chat.completions.runTools({ ...chat, tools: [raw] }).finalContent());
  }
};
run().then(() => process.exit(0));
`;

/** Asks for the tool that the user named; once there is a result, says what the result was. */
function answer(body: Readonly<Record<string, unknown>>, isAnthropic: boolean): object {
  const messages = body["messages"] as readonly { role: string; content: unknown }[];
  const [tool] = (body["tools"] ?? []) as readonly { name?: string; function?: { name: string } }[];
  const name = tool?.name ?? tool?.function?.name ?? "";
  const last = JSON.stringify(messages.at(-1));
  const said = last.includes("denied") ? "told: denied" : "told: found";
  if (isAnthropic) {
    const usage = { input_tokens: 9, output_tokens: 4 };
    // The runner sends what is new and names the rest.
    if (last.includes("tool_result")) return message(usage, said);
    const content = [{ type: "tool_use", id: "toolu_1", name, input: { id: "7" } }];
    return { ...message(usage), content, stop_reason: "tool_use" };
  }
  const call = { id: "call_1", type: "function", function: { name, arguments: '{"id":"7"}' } };
  const reply = messages.length > 1 ? { content: said } : { content: null, tool_calls: [call] };
  const choice = { index: 0, message: { role: "assistant", ...reply }, logprobs: null, finish_reason: "stop" };
  return {
    id: "c",
    object: "chat.completion",
    model: "gpt-4o-mini",
    choices: [choice],
    usage: chatUsage({ input: 9, output: 4 }),
  };
}

beforeAll(async () => {
  provider = await startScriptedProvider(({ path, body }) => ({ json: answer(body, path.includes("/messages")) }));
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-tools-"));
  writeFileSync(join(folder, "policy.yaml"), POLICY);
  writeFileSync(
    join(folder, "app.mjs"),
    `import Anthropic from "@anthropic-ai/sdk";\nimport OpenAI from "openai";\n${WORK}`,
  );
  writeFileSync(
    join(folder, "app.cjs"),
    `const Anthropic = require("@anthropic-ai/sdk").default;\nconst OpenAI = require("openai").default;\n${WORK}`,
  );
});

afterAll(async () => {
  await provider.close();
  rmSync(folder, { recursive: true });
});

it.each(["app.mjs", "app.cjs"])("decides on the tools that the SDKs run (%s)", async (file) => {
  const child = spawn(
    process.execPath,
    ["--import", "@tollgate/instrumentation/register", join(folder, file), provider.url],
    {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_POLICY: join(folder, "policy.yaml") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  const lines = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    ["anthropic look_up", "told: found", ["7"]],
    ["openai look_up", "told: found", ["7"]],
    ["openai text look_up", "told: found", ['{"id":"7"}']],
    ["anthropic drop_all", "told: denied", []],
    ["openai drop_all", { code: "tool_denied" }, []],
    ["openai text drop_all", { code: "tool_denied" }, []],
  ]);
});
