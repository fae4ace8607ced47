/** Told by IPC to make so many calls one after the other; answers how long each took, in nanoseconds. Its provider's URL is its one argument. */
import OpenAI from "openai";

const openai = new OpenAI({ apiKey: "bench", baseURL: `${process.argv[2]}/v1`, maxRetries: 0 });
const request = {
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "What does a toll gate do?" }],
  max_completion_tokens: 16,
};

async function timeCalls(calls) {
  const nanoseconds = [];
  for (let index = 0; index < calls; index += 1) {
    const start = process.hrtime.bigint();
    await openai.chat.completions.create(request);
    nanoseconds.push(Number(process.hrtime.bigint() - start));
  }
  process.send?.({ nanoseconds });
}

process.on("message", ({ calls }) => {
  // A call that fails ends the process, and with it the benchmark.
  void timeCalls(calls);
});
process.send?.({ ready: true });
