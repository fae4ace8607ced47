import type { Random } from "../random.ts";

/** One thing that an app does, with what was drawn for it. */
export interface Setting {
  readonly url: string;
  readonly http2Url: string;
  /** Names the account in the provider's books. */
  readonly key: string;
  readonly prompt: string;
  readonly maxTokens: number | undefined;
  /** Of the simulator; "" for none. */
  readonly fault: string;
  readonly retries: number;
  readonly timeoutMs: number | undefined;
  /** The app gives it up: before it sends, at once after, or when its answer does not come. */
  readonly signal: AbortSignal | undefined;
  /** What else it draws on its way. */
  readonly random: Random;
  /** Notes what is seen meanwhile. */
  readonly note: (seen: unknown) => void;
}

export type Operations = Readonly<Record<string, (setting: Setting) => Promise<unknown>>>;

export const TOOL = {
  name: "look_up",
  description: "looks something up",
  parameters: { type: "object" as const, properties: { text: { type: "string" as const } } },
};

export function faultHeaders({ fault }: Setting): Record<string, string> {
  return fault === "" ? {} : { "x-simulator-fault": fault };
}

/** What an app does with a stream of events. */
export async function consume(stream: AsyncIterable<unknown>, setting: Setting): Promise<unknown> {
  const { random } = setting;
  // How much a helper tells of a stream that is left goes by how its bytes come.
  const way = random.pick("on" in stream ? WAYS_OF_HELPERS : Object.keys(WAYS));
  return { way, seen: await WAYS[way]?.(stream, setting) };
}

const WAYS_OF_HELPERS = ["to its end", "to its end, slowly", "and noted", "as bytes"];

type Way = (stream: AsyncIterable<unknown>, setting: Setting) => Promise<unknown>;

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const WAYS: Readonly<Record<string, Way>> = {
  "to its end": readAll,
  "to its end, slowly": async (stream, { random }) => {
    const events: unknown[] = [];
    for await (const event of stream) {
      events.push(event);
      if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    }
    return events;
  },
  async "and noted"(stream, { note }) {
    for await (const event of stream) note(event);
  },
  async "with a break"(stream, { random }) {
    const events: unknown[] = [];
    const most = random.between(1, 4);
    for await (const event of stream) if (events.push(event) >= most) break;
    return events;
  },
  async "with an error of the app's"(stream, { random }) {
    let left = random.between(1, 4);
    for await (const _event of stream) if (--left === 0) throw new TypeError("the app's own");
    return left;
  },
  async "by hand"(stream, { random }) {
    const iterator = stream[Symbol.asyncIterator]();
    const seen: unknown[] = [typeof iterator.return, typeof iterator.throw, Symbol.asyncIterator in iterator];
    for (let left = random.between(0, 3); left > 0; left -= 1) seen.push(await iterator.next());
    if (random.chance(0.5)) seen.push(await iterator.return?.("left"));
    else while (!(seen.at(-1) as { done?: boolean }).done) seen.push(await iterator.next());
    seen.push(await iterator.next());
    return seen;
  },
  async twice(stream) {
    const first = await readAll(stream);
    return [first, await readAll(stream)];
  },
  async "by two readers"(stream) {
    const { tee } = stream as { tee?: () => [AsyncIterable<unknown>, AsyncIterable<unknown>] };
    if (typeof tee !== "function") return "none";
    const [one, other] = tee.call(stream);
    return Promise.all([readAll(one), readAll(other)]);
  },
  async "by one of two readers"(stream) {
    const { tee } = stream as { tee?: () => [AsyncIterable<unknown>, AsyncIterable<unknown>] };
    if (typeof tee !== "function") return "none";
    return readAll(tee.call(stream)[1]);
  },
  async "as bytes"(stream) {
    const { toReadableStream } = stream as { toReadableStream?: () => ReadableStream };
    if (typeof toReadableStream !== "function") return "none";
    return new Response(toReadableStream.call(stream)).text();
  },
  async "not at all"(stream) {
    return [stream.constructor.name, Object.keys(stream)];
  },
  async "until its controller aborts"(stream, { random }) {
    const { controller } = stream as { controller?: AbortController };
    if (controller === undefined) return "none";
    let left = random.between(1, 3);
    for await (const _event of stream) if (--left === 0) controller.abort();
    return controller.signal.aborted;
  },
};

/** What an app does with an answer as it came. */
export async function readResponse(response: Response, { random, note }: Setting): Promise<unknown> {
  note(response);
  const way = random.pick(["text", "json", "bytes", "clone", "reader", "cancel", "left", "blob", "iterate", "twice"]);
  note(way);
  switch (way) {
    case "text":
      return response.text();
    case "json":
      return response.json();
    case "bytes":
      return (await response.bytes()).length > 0;
    case "clone": {
      const copy = response.clone();
      return Promise.all([copy.text(), response.text()]);
    }
    case "reader": {
      const reader = response.body?.getReader();
      const first = await reader?.read();
      await reader?.cancel("enough");
      return [first?.done, response.bodyUsed];
    }
    case "cancel":
      await response.body?.cancel();
      return response.bodyUsed;
    case "blob": {
      const blob = await response.blob();
      return [blob.type, await blob.text()];
    }
    case "iterate": {
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
      return text;
    }
    case "twice":
      return [await response.text(), await response.text()];
    default:
      return response.bodyUsed;
  }
}
