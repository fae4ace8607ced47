/**
 * Watches a raw response: what the app reads of it is read along. The response stays the same object; only its readers are
 * replaced. Once an SDK parses it after all, parsing is watched instead.
 */
import type { GatedCall } from "../gate/gated-call.ts";
import { AnswerTap } from "./answer-tap.ts";

const WHOLE_READERS = ["text", "json", "arrayBuffer", "bytes", "blob"] as const;
const OF_THE_NETWORK = ["url", "statusText", "redirected", "type"] as const;

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
  replaceClone(response, () => watched.clone());
}

/** A copy is of the watched bytes, and knows what only an answer of the network knows. */
function replaceClone(response: Response, clone: () => Response): void {
  const value = (): Response => {
    const copy = clone();
    for (const name of OF_THE_NETWORK) {
      Object.defineProperty(copy, name, { value: response[name], configurable: true, enumerable: true });
    }
    replaceClone(copy, Response.prototype.clone.bind(copy));
    return copy;
  };
  Object.defineProperty(response, "clone", { value, writable: true, configurable: true });
}

/**
 * Pulls only when the app does, so that nothing is read, or buffered, that the app did not ask for. A stream of bytes, as `fetch` gives:
 * apps may read it into buffers of their own. Such a stream takes what it is given away from everybody else.
 */
function read(call: GatedCall, body: ReadableStream<Uint8Array>, tap: AnswerTap): ReadableStream<Uint8Array> {
  const source = body.getReader();
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller) {
        try {
          for (;;) {
            const next = await source.read();
            if (next.done) {
              const rest = tap.end();
              if (rest.length > 0) controller.enqueue(new Uint8Array(rest));
              controller.close();
              // Somebody's buffer waits, and stays empty.
              controller.byobRequest?.respond(0);
              return;
            }
            const chunk = tap.push(next.value);
            if (chunk.length === 0) continue;
            controller.enqueue(new Uint8Array(chunk));
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
