/**
 * Puts the gate into `Ollama` of the `ollama` package. Its methods send through the `fetch` that the instance was given or
 * found when it was made, which is watched from the first call on.
 */
import type { FetchCall } from "../fetch-call/fetch-call.ts";
import { gateMethod } from "../fetch-call/gate-method.ts";
import { watchFetch } from "../fetch-call/watch-fetch.ts";
import type { FetchHolder } from "../fetch-call/watch-fetch.ts";
import { isPatched, PATCHED } from "../stainless/patch-client.ts";
import { ollamaEndpoint } from "./endpoints.ts";

const METHODS = ["chat", "generate", "embed", "embeddings"] as const;

/** Patches once. False for a class of another shape than the gate knows. */
export function patchOllama(prototype: object | null): boolean {
  const owner = ownerOf(prototype);
  if (owner === null) return false;
  if (isPatched(owner)) return true;
  Object.defineProperty(owner, PATCHED, { value: true });
  for (const name of METHODS) {
    gateMethod(owner, name, {
      findEndpoint: ollamaEndpoint,
      prepare: (client) => watchFetch(client as FetchHolder),
      watchAnswer,
    });
  }
  return true;
}

/** The package's Node build extends the one for browsers, which has the methods. */
function ownerOf(start: object | null): object | null {
  for (let prototype = start; prototype !== null; prototype = Object.getPrototypeOf(prototype) as object | null) {
    if (Object.hasOwn(prototype, "chat")) return "processStreamableRequest" in prototype ? prototype : null;
  }
  return null;
}

interface Stream {
  itr: AsyncIterable<{ readonly done?: unknown }>;
  abort(): void;
}

/** The SDK stops reading at the last message, before the stream's end, and lets one that the app leaves run on. */
function watchAnswer(answer: unknown, call: FetchCall): void {
  if (typeof answer !== "object" || answer === null || !("itr" in answer)) return;
  const stream = answer as Stream;
  stream.itr = untilLeft(stream.itr, { stream, call });
}

async function* untilLeft(
  messages: Stream["itr"],
  { stream, call }: { readonly stream: Stream; readonly call: FetchCall },
): AsyncGenerator<{ readonly done?: unknown }> {
  let isOver = false;
  try {
    for await (const message of messages) {
      isOver = message.done === true;
      yield message;
    }
    isOver = true;
  } finally {
    if (!isOver) stream.abort();
    call.leave();
  }
}
