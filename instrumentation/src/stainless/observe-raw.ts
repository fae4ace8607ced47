/**
 * Watches a raw response that the app took with `asResponse()`: what it reads is read along. The response stays the same
 * object; only its readers are replaced. Once the SDK parses it after all, parsing is watched instead.
 */
import { asBody } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { endWhenAbandoned } from "./abandonment.ts";
import { observeParsed } from "./observe-answer.ts";
import { SseFilter } from "./sse-filter.ts";
import { StreamWatch } from "./stream-watch.ts";

const WHOLE_READERS = ["text", "json", "arrayBuffer", "bytes", "blob"] as const;

export function observeRaw(call: GatedCall, response: Response): void {
  const { body } = response;
  if (body === null) {
    call.end();
    return;
  }
  const stream = watch(call, body);
  endWhenAbandoned(stream, call);
  const watched = new Response(stream, { status: response.status, headers: response.headers });
  Object.defineProperty(response, "body", { get: () => watched.body, configurable: true });
  Object.defineProperty(response, "bodyUsed", { get: () => watched.bodyUsed, configurable: true });
  for (const name of WHOLE_READERS) {
    Object.defineProperty(response, name, { value: () => watched[name](), writable: true, configurable: true });
  }
  Object.defineProperty(response, "formData", { value: () => watched.formData(), writable: true, configurable: true });
  Object.defineProperty(response, "clone", { value: () => watched.clone(), writable: true, configurable: true });
}

function watch(call: GatedCall, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return call.options.facts.isStreamed ? watchEvents(call, body) : watchJson(call, body);
}

function watchJson(call: GatedCall, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const decoder = new TextDecoder();
  let text = "";
  return read(call, body, {
    onChunk: (chunk) => {
      text += decoder.decode(chunk, { stream: true });
      return chunk;
    },
    onEnd: (isComplete, error) => {
      const answer = isComplete ? parse(text) : undefined;
      if (answer === undefined) call.end(error);
      else observeParsed(call, answer);
    },
  });
}

function watchEvents(call: GatedCall, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const events = new StreamWatch(call);
  const filter = new SseFilter((event) => events.read(event));
  return read(call, body, {
    onChunk: (chunk) => filter.push(chunk),
    rest: () => filter.end(),
    onEnd: (isComplete, error) => events.end({ isComplete, error }),
  });
}

interface Watcher {
  onChunk(chunk: Uint8Array): Uint8Array;
  /** What was held back when the source ended. */
  rest?(): Uint8Array;
  onEnd(isComplete: boolean, error?: unknown): void;
}

/** Pulls only when the app does, so that nothing is read, or buffered, that the app did not ask for. */
function read(call: GatedCall, body: ReadableStream<Uint8Array>, watcher: Watcher): ReadableStream<Uint8Array> {
  const source = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const next = await source.read();
            if (next.done) {
              const rest = watcher.rest?.();
              watcher.onEnd(true);
              if (rest !== undefined && rest.length > 0) controller.enqueue(rest);
              controller.close();
              return;
            }
            const chunk = watcher.onChunk(next.value);
            if (chunk.length === 0) continue;
            controller.enqueue(chunk);
            return;
          }
        } catch (problem) {
          const error = call.stopped ?? problem;
          watcher.onEnd(false, error);
          controller.error(error);
        }
      },
      async cancel(reason) {
        watcher.onEnd(false);
        await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function parse(text: string): unknown {
  try {
    return asBody(JSON.parse(text));
  } catch {
    return undefined;
  }
}
