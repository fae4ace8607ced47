/** What an app sees of a library, as data that two runs can be compared by. */

/** The result or the error of some work. */
export async function seenBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { type: "answer", value: plain(await work()) };
  } catch (error) {
    return { type: "error", ...describeError(error) };
  }
}

/** The events of a stream, and how it ended. */
export async function readToEnd(stream: AsyncIterable<unknown>): Promise<unknown> {
  const events: unknown[] = [];
  for await (const event of stream) events.push(plain(event));
  return { type: stream.constructor.name, events };
}

/** Times differ from run to run. */
const TIMES: ReadonlySet<string> = new Set(["created", "created_at", "date"]);

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const entries = Object.entries(value).filter(([key]) => !TIMES.has(key));
  return { "": value.constructor.name, ...Object.fromEntries(entries.map(([key, member]) => [key, plain(member)])) };
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { thrown: String(error) };
  const { name, message, constructor } = error;
  const { status, statusCode, code } = error as { status?: unknown; statusCode?: unknown; code?: unknown };
  const cause = error.cause instanceof Error ? error.cause.constructor.name : undefined;
  // Where in a broken answer: a stream that is asked for its usage is longer.
  const what = message.replace(/ at position \d+.*/, "");
  return { name, message: what, constructor: constructor.name, status, statusCode, code, cause };
}
