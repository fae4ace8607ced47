/**
 * Makes so many calls by 64 callers through the real SDK, whose `fetch` answers at once, and tells after each fifth, on a line of its own, what
 * the heap holds and what one call took of the CPU. Ends by itself: nothing of the gate may keep it.
 */
import OpenAI from "openai";

const calls = Number(process.argv[2]);
const CALLERS = 64;
const PARTS = 5;
const body = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini-2024-07-18",
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
});
const fetch = () => Promise.resolve(new Response(body, { headers: { "content-type": "application/json" } }));
const client = new OpenAI({ apiKey: "k", baseURL: "http://127.0.0.1:9/v1", maxRetries: 0, fetch });
const request = { model: "gpt-4o-mini", max_tokens: 16, messages: [{ role: "user", content: "hi" }] };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const caller = async () => {
  for (let index = 0; index < calls / PARTS / CALLERS; index += 1) {
    await client.chat.completions.create(request);
    // As a provider's answer would: gives the rest of the process its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
};

for (let part = 0; part < PARTS; part += 1) {
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(before);
  // Longer than an answer is watched and a batch waits.
  await pause(1_500);
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc();
    await pause(20);
  }
  const made = Math.ceil(calls / PARTS / CALLERS) * CALLERS;
  console.log(JSON.stringify({ heap: process.memoryUsage().heapUsed, made, cpuUs: (user + system) / made }));
}
