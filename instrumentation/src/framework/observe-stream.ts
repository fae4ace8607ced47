/** A web stream of a framework's parts, watched: pulls only when the app does, and ends the call with the stream. */
import type { GatedCall } from "../gate/gated-call.ts";
import { observeEvents } from "../stainless/observe-answer.ts";

export function observeStream(call: GatedCall, stream: ReadableStream<unknown>): ReadableStream<unknown> {
  const reader = stream.getReader();
  const parts = observeEvents(call, {
    next: async () => {
      const next = await reader.read();
      return next.done ? { done: true, value: undefined } : { done: false, value: next.value };
    },
    return: async (reason: unknown) => {
      // A stream that has failed refuses to be cancelled, with what it failed by: that is known already.
      await reader.cancel(reason).catch(() => {});
      return { done: true, value: undefined };
    },
  });
  const watched = new ReadableStream<unknown>(
    {
      async pull(controller) {
        const next = await parts.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await parts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  call.awaitReader(watched);
  return watched;
}
