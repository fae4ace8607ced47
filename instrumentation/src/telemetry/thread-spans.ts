/**
 * Spans of threads that are cut off (`worker.terminate()`, `process.exit()` of the process): each thread keeps those that are not
 * acknowledged on a shelf (thread-shelf.ts) and shows it to the main thread, which outlives it and sends what it left. What both
 * send the processor knows again. Threads of threads show theirs to the main thread too.
 */
import {
  BroadcastChannel,
  getEnvironmentData,
  isMainThread,
  receiveMessageOnPort,
  setEnvironmentData,
  threadId,
} from "node:worker_threads";
import type { MessagePort, Worker } from "node:worker_threads";
import type { WrittenSpan } from "./span-protobuf.ts";
import { readShelf, ThreadShelf } from "./thread-shelf.ts";

const CHANNEL = "tollgate.thread-spans.1";
/** Key of a thread's ancestors (`getEnvironmentData`): the main thread among them looks at shelves. */
const ANCESTORS = "tollgate.threads";

type Above = Pick<WrittenSpan, "resource" | "scope">;

/** What a thread tells the main thread. */
type Told =
  /** Its shelf, and what stands above those of its spans that begin with this number. */
  | {
      readonly thread: number;
      readonly ancestors: readonly number[];
      readonly memory: SharedArrayBuffer;
      readonly number: number;
      readonly above: Above;
    }
  /** A thread of its own has ended. */
  | { readonly ended: number };

/** The shelf of this thread; `undefined` where nobody would look at it. */
export function ownShelf(): SpanShelf | undefined {
  const ancestors = isMainThread ? undefined : (getEnvironmentData(ANCESTORS) as readonly number[] | undefined);
  return ancestors === undefined ? undefined : new SpanShelf(ancestors);
}

export class SpanShelf {
  readonly #ancestors: readonly number[];
  /** Made with the first span. */
  #shelf: ThreadShelf | undefined;
  /** By which the shelf knows what lies there. */
  readonly #places = new Map<WrittenSpan, number>();
  readonly #numbers = new Map<WrittenSpan["resource"], Map<WrittenSpan["scope"], number>>();
  #count = 0;

  constructor(ancestors: readonly number[]) {
    this.#ancestors = ancestors;
  }

  put(span: WrittenSpan): void {
    const { resource, scope, bytes } = span;
    const shelf = (this.#shelf ??= new ThreadShelf());
    const number = this.#numbers.get(resource)?.get(scope) ?? this.#show(shelf, { resource, scope });
    this.#places.set(span, shelf.put(`${number} `, bytes));
  }

  /** Are safe elsewhere. */
  release(spans: readonly WrittenSpan[]): void {
    const places = spans.map((span) => this.#places.get(span)).filter((place) => place !== undefined);
    for (const span of spans) this.#places.delete(span);
    this.#shelf?.release(places);
  }

  releaseAll(): void {
    this.#places.clear();
    this.#shelf?.releaseAll();
  }

  #show({ memory }: ThreadShelf, { resource, scope }: Above): number {
    const number = (this.#count += 1);
    const scopes = this.#numbers.get(resource) ?? new Map<WrittenSpan["scope"], number>();
    this.#numbers.set(resource, scopes.set(scope, number));
    const { attributes, schemaUrl } = resource;
    const { name, version, schemaUrl: scopeSchemaUrl } = scope;
    const above = {
      resource: { attributes, ...(schemaUrl !== undefined && { schemaUrl }) },
      scope: {
        name,
        ...(version !== undefined && { version }),
        ...(scopeSchemaUrl !== undefined && { schemaUrl: scopeSchemaUrl }),
      },
    } as Above;
    tell({ thread: threadId, ancestors: this.#ancestors, memory, number, above });
    return number;
  }
}

function tell(told: Told): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(told);
  // What is posted is with the other side already.
  channel.close();
}

interface Shelf {
  readonly memory: SharedArrayBuffer;
  readonly ancestors: readonly number[];
  readonly above: Map<number, Above>;
  /** Until where it was read. */
  end: number;
}

export interface ThreadSpansOptions {
  /** Main thread only: sends what a thread has left. */
  readonly adopt: (spans: readonly WrittenSpan[]) => void;
  readonly onMissed: (spans: number) => void;
}

/** What this thread knows of those that it has started, and the main thread of all. */
export class ThreadSpans {
  readonly #options: ThreadSpansOptions;
  readonly #shelves = new Map<number, Shelf>();
  #channel: BroadcastChannel | undefined;

  constructor(options: ThreadSpansOptions) {
    this.#options = options;
  }

  /** Before the first thread is started. */
  listen(): void {
    const ancestors = getEnvironmentData(ANCESTORS) as readonly number[] | undefined;
    if (ancestors?.includes(threadId) === true) return;
    if (!isMainThread) {
      if (ancestors !== undefined) setEnvironmentData(ANCESTORS, [...ancestors, threadId]);
      return;
    }
    setEnvironmentData(ANCESTORS, [threadId]);
    const channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = (event: unknown) => this.#hear((event as { readonly data: Told }).data);
    channel.unref();
    this.#channel = channel;
  }

  watch(worker: Worker): void {
    const id = worker.threadId;
    worker.once("exit", () => {
      if (!isMainThread) tell({ ended: id });
      else if (this.#channel !== undefined) {
        this.#hearAll(this.#channel);
        this.#end(id);
      }
    });
  }

  /** Takes what lies on all shelves and was not taken before: the process ends, and all threads with it. How many spans it was. */
  collect(): number {
    if (this.#channel === undefined) return 0;
    this.#hearAll(this.#channel);
    let spans = 0;
    for (const shelf of this.#shelves.values()) spans += this.#read(shelf);
    return spans;
  }

  #hearAll(channel: BroadcastChannel): void {
    // Documented to take a channel too; the types lag behind.
    const port = channel as unknown as MessagePort;
    for (let told = receiveMessageOnPort(port); told !== undefined; told = receiveMessageOnPort(port)) {
      this.#hear((told as { readonly message: Told }).message);
    }
  }

  #hear(told: Told): void {
    if ("ended" in told) {
      this.#end(told.ended);
      return;
    }
    const { thread, memory, ancestors, number, above } = told;
    const shelf = this.#shelves.get(thread) ?? { memory, ancestors, above: new Map<number, Above>(), end: 0 };
    shelf.above.set(number, above);
    this.#shelves.set(thread, shelf);
  }

  /** Its threads have ended with it. */
  #end(id: number): void {
    for (const [thread, shelf] of this.#shelves) {
      if (thread !== id && !shelf.ancestors.includes(id)) continue;
      this.#shelves.delete(thread);
      this.#read(shelf);
    }
  }

  #read(shelf: Shelf): number {
    const { records, end, missed } = readShelf(shelf.memory, shelf.end);
    shelf.end = end;
    const spans = records.flatMap((record) => {
      const space = record.indexOf(" ");
      const above = shelf.above.get(Number(record.toString("latin1", 0, space)));
      if (above === undefined) return [];
      return [{ ...above, bytes: record.subarray(space + 1) }];
    });
    if (spans.length > 0) this.#options.adopt(spans);
    if (missed > 0) this.#options.onMissed(missed);
    return spans.length;
  }
}
