/**
 * Watches a raw response: what the app reads of it is read along. The response stays the same object; only its readers are
 * replaced. Once an SDK parses it after all, parsing is watched instead.
 */
import type { GatedCall } from "../gate/gated-call.ts";
import { AnswerTap } from "./answer-tap.ts";

const WHOLE_READERS = ["text", "json", "arrayBuffer", "bytes", "blob"] as const;

/** For an app that took the response with `asResponse()`. */
export function observeRaw(call: GatedCall, response: Response): void {
  const contentType = response.headers.get("content-type") ?? "";
  watchBody(call, response, new AnswerTap(call, { contentType, contentEncoding: "" }));
}

export function watchBody(call: GatedCall, response: Response, tap: AnswerTap): void {
  const { body } = response;
  if (body === null) {
    call.end();
    return;
  }
  const stream = read(call, body, tap);
  call.awaitReader(stream);
  const watched = new Response(stream, { status: response.status, headers: response.headers });
  Object.defineProperty(response, "body", { get: () => watched.body, configurable: true });
  Object.defineProperty(response, "bodyUsed", { get: () => watched.bodyUsed, configurable: true });
  for (const name of WHOLE_READERS) {
    Object.defineProperty(response, name, { value: () => watched[name](), writable: true, configurable: true });
  }
  Object.defineProperty(response, "formData", { value: () => watched.formData(), writable: true, configurable: true });
  Object.defineProperty(response, "clone", { value: () => watched.clone(), writable: true, configurable: true });
}

/** Pulls only when the app does, so that nothing is read, or buffered, that the app did not ask for. */
function read(call: GatedCall, body: ReadableStream<Uint8Array>, tap: AnswerTap): ReadableStream<Uint8Array> {
  const source = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const next = await source.read();
            if (next.done) {
              const rest = tap.end();
              if (rest.length > 0) controller.enqueue(rest);
              controller.close();
              return;
            }
            const chunk = tap.push(next.value);
            if (chunk.length === 0) continue;
            controller.enqueue(chunk);
            return;
          }
        } catch (problem) {
          const error = call.stopped ?? problem;
          tap.fail(error);
          controller.error(error);
        }
      },
      async cancel(reason) {
        tap.fail();
        await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
