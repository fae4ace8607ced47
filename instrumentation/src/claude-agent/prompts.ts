/** What an app tells a query: one text, or messages as they come. */

/** The same prompt; `onPrompt` hears of each message that the process is given. */
export function withPromptsSeen(prompt: unknown, onPrompt: () => void): unknown {
  if (isAsyncIterable(prompt)) return eachSeen(prompt, onPrompt);
  if (prompt !== undefined) onPrompt();
  return prompt;
}

async function* eachSeen(prompts: AsyncIterable<unknown>, onPrompt: () => void): AsyncGenerator<unknown> {
  for await (const prompt of prompts) {
    onPrompt();
    yield prompt;
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
