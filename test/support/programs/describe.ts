/** What an app can see of a value, as data that two processes can be compared by. */

/** Of what differs from run to run, or by what is told to the provider beside the app's own words: only that it is there. */
const OF_THE_RUN: ReadonlySet<string> = new Set([
  "request_id",
  "_request_id",
  "requestID",
  "requestId",
  "x-request-id",
  "request-id",
  "date",
  "created",
  "timestamp",
  "startTime",
  "extendedRequestId",
  "cfId",
  "totalRetryDelay",
  "content-length",
  "socket",
  "retry-after",
]);
const DEPTH_MAX = 12;

export class Describer {
  /** Texts that differ between the two runs. */
  readonly #replaced: readonly (readonly [string, string])[];

  constructor(replaced: Readonly<Record<string, string>>) {
    this.#replaced = Object.entries(replaced);
  }

  /** The result or the error of some work. */
  async seenBy(work: () => unknown): Promise<unknown> {
    try {
      return { answer: this.describe(await work()) };
    } catch (error) {
      return { thrown: this.describe(error) };
    }
  }

  describe(value: unknown, depth = 0): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "bigint" || typeof value === "symbol") return `${typeof value} ${String(value)}`;
    if (typeof value === "function") return `function ${value.name}`;
    if (value === undefined) return "undefined";
    if (typeof value !== "object" || value === null) return value;
    if (depth > DEPTH_MAX) return "...";
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Headers) return this.#fields([...value.entries()], depth, ["Headers"]);
    if (value instanceof Response) return this.#response(value, depth);
    if (value instanceof AbortSignal) return { signal: value.aborted };
    if (ArrayBuffer.isView(value))
      return { bytes: this.#text(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1")) };
    if (Array.isArray(value)) return value.map((entry) => this.describe(entry, depth + 1));
    if (value instanceof Map) return { map: this.describe([...value.entries()], depth + 1) };
    return this.#fields(entriesOf(value), depth, classesOf(value));
  }

  #fields(entries: readonly (readonly [string, unknown])[], depth: number, classes: readonly string[]): object {
    const fields = entries.map(([key, value]) => [
      key,
      OF_THE_RUN.has(key) ? typeof value : this.describe(value, depth + 1),
    ]);
    return { "": classes.join(" < "), ...Object.fromEntries(fields) };
  }

  #error(error: Error, depth: number): object {
    const { name, message, cause } = error;
    const own = this.#fields(entriesOf(error), depth + 4, classesOf(error));
    // Where in a broken answer: a stream that is asked for its usage is longer.
    const what = this.#text(message).replace(/ at position \d+.*/s, "");
    return { ...own, name, message: what, hasStack: typeof error.stack, cause: this.describe(cause, depth + 1) };
  }

  #response(response: Response, depth: number): object {
    const { status, statusText, ok, url, type, redirected, bodyUsed, headers } = response;
    const body = response.body === null ? null : { locked: response.body.locked };
    return this.#fields(
      Object.entries({ status, statusText, ok, url, type, redirected, bodyUsed, headers, body }),
      depth,
      classesOf(response),
    );
  }

  #text(text: string): string {
    let seen = text;
    for (const [from, to] of this.#replaced) seen = seen.replaceAll(from, to);
    return seen.replaceAll(/req_[0-9a-f]{24}/g, "req_…");
  }
}

function entriesOf(value: object): (readonly [string, unknown])[] {
  return Reflect.ownKeys(value)
    .filter((key) => key !== "stack" && Object.getOwnPropertyDescriptor(value, key)?.enumerable === true)
    .map((key) => {
      try {
        return [String(key), (value as Readonly<Record<string | symbol, unknown>>)[key]] as const;
      } catch (error) {
        return [String(key), error] as const;
      }
    });
}

function classesOf(value: object): readonly string[] {
  const names: string[] = [];
  for (
    let owner: unknown = Object.getPrototypeOf(value);
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  )
    names.push((owner as object).constructor?.name ?? "?");
  return names;
}
