/** The calls that every scenario makes, so that one table of bills fits all dialects. */
import { createRequire } from "node:module";

/** Most instrumentations patch what is required, not what is imported. */
export const require = createRequire(import.meta.url);

/** Long enough for the prompt caches of both providers. */
export const LONG_SYSTEM = "Rule: tolls are paid before the gate opens. ".repeat(120);

/** The same calls of OpenAI's SDK for every dialect: plain, cached, reasoning, streamed, responses, and one that fails. */
export async function callOpenai(client, { responses = true } = {}) {
  const chat = (content, more = {}) =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }], ...more });
  await chat("How much is the toll?");
  for (const question of ["First question.", "Second question."]) {
    await client.chat.completions.create({
      model: "gpt-4o",
      messages: [
        { role: "system", content: LONG_SYSTEM },
        { role: "user", content: question },
      ],
    });
  }
  await chat("[think] Which gate is the cheapest?", { model: "gpt-4o" });
  const stream = await chat("Tell me of the gate.", { stream: true, stream_options: { include_usage: true } });
  for await (const _chunk of stream);
  if (responses) await client.responses.create({ model: "gpt-4o-mini", input: "[think] How long is the queue?" });
  await chat("This model is not there.", { model: "gpt-unknown" }).catch(() => undefined);
}

/** Anthropic's: plain, cache write, cache read, streamed cache read, and one that fails. */
export async function callAnthropic(client) {
  const system = [{ type: "text", text: LONG_SYSTEM, cache_control: { type: "ephemeral" } }];
  const ask = (content, more = {}) =>
    client.messages.create({
      model: "claude-haiku-4-5",
      max_tokens: 200,
      messages: [{ role: "user", content }],
      ...more,
    });
  await ask("How much is the toll?");
  await ask("First question.", { system });
  await ask("Second question.", { system });
  const stream = await ask("Third question.", { system, stream: true });
  for await (const _event of stream);
  await ask("This model is not there.", { model: "claude-unknown" }).catch(() => undefined);
}
