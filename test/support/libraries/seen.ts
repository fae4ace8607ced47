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

/** The simulator names a request by its bytes, and a stream's are others where its usage is asked for. */
const OF_THE_BYTES: ReadonlySet<string> = new Set(["requestID", "request_id"]);

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { thrown: String(error) };
  const { name, message, cause } = error;
  // Where in a broken answer: a stream that is asked for its usage is longer, and broken at another place.
  const what = message.replace(/^.* in JSON\b.*/s, "in JSON");
  const fields = Object.entries(error).map(([key, value]) => [
    key,
    OF_THE_BYTES.has(key) ? typeof value : fieldOf(value),
  ]);
  return { name, message: what, classes: classesOf(error), cause: classesOf(cause), fields };
}

/** Of objects their class: there are headers among them, requests and streams. */
function fieldOf(value: unknown): unknown {
  return typeof value === "object" && value !== null ? classesOf(value) : value;
}

function classesOf(value: unknown): readonly string[] {
  const names: string[] = [];
  let prototype: unknown = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : null;
  for (; prototype !== null && prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype))
    names.push((prototype as object).constructor.name);
  return names;
}
