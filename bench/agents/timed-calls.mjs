/** Told by IPC to make so many calls by so many callers at once; answers how long each took, all of them, and the CPU. Its provider's URL is its one argument. */
import OpenAI from "openai";

const openai = new OpenAI({ apiKey: "bench", baseURL: `${process.argv[2]}/v1`, maxRetries: 0 });
const request = {
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "What does a toll gate do?" }],
  max_completion_tokens: 16,
};

async function timeCalls(calls, callers) {
  const nanoseconds = [];
  const caller = async () => {
    for (let index = 0; index < calls / callers; index += 1) {
      const start = process.hrtime.bigint();
      await openai.chat.completions.create(request);
      nanoseconds.push(Number(process.hrtime.bigint() - start));
    }
  };
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: callers }, caller));
  const total = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ nanoseconds, total, cpu: (user + system) * 1_000 });
}

process.on("message", ({ calls, callers }) => {
  // A call that fails ends the process, and with it the benchmark.
  void timeCalls(calls, callers);
});
process.send?.({ ready: true });
