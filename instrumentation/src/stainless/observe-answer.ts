/** Reads usage off the objects that the SDK made of an answer, and ends the call when the app has had them. */
import type { StreamReader } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { isEventStream } from "./client-shape.ts";

/** The SDK's own answer, watched. */
export function observeParsed(call: GatedCall, answer: unknown): unknown {
  if (isEventStream(answer)) {
    const events = answer.iterator;
    answer.iterator = () => observeEvents(call, events.call(answer));
    return answer;
  }
  contained(call, () => call.settle(call.options.endpoint.readAnswer(answer)));
  call.end();
  return answer;
}

/** What is wrong with our own reading never reaches the app: the call then counts as reserved. */
function contained(call: GatedCall, read: () => void): void {
  try {
    read();
  } catch {
    call.giveUpAttempt();
  }
}

/** Ends the call by what a stream showed. */
export function endStream(
  call: GatedCall,
  reader: StreamReader,
  end: { readonly isComplete: boolean; readonly error?: unknown },
): void {
  if (call.isEnded) return;
  contained(call, () => {
    const facts = reader.facts();
    if (facts.usage !== undefined) call.settle(facts);
    else
      call.settleSeen(facts, { bytes: reader.seenBytes(), isAbandoned: !end.isComplete, input: reader.inputTokens() });
  });
  call.end(end.error);
}

/** The events as the app may see them. A generator, as the SDKs' own iterators are: a second reader gets nothing twice. */
export async function* observeEvents(call: GatedCall, events: AsyncIterator<unknown>): AsyncGenerator<unknown> {
  const reader = call.options.endpoint.streamReader(call.options.body);
  let isComplete = false;
  let failure: unknown;
  try {
    for (;;) {
      const next = await events.next();
      // The SDKs end an aborted stream as if it were complete.
      if (call.stopped !== undefined) throw call.stopped;
      if (next.done === true) break;
      call.firstChunk();
      const event = seen(reader, next.value);
      if (event !== undefined) yield event;
    }
    isComplete = true;
  } catch (error) {
    failure = call.stopped ?? error;
    throw failure;
  } finally {
    // The app left the loop early, or was stopped: let the SDK abort the request first, then count.
    if (!isComplete && (failure === undefined || call.stopped !== undefined)) await events.return?.(undefined);
    endStream(call, reader, { isComplete, error: failure });
  }
}

function seen(reader: StreamReader, event: unknown): unknown {
  try {
    return reader.read(event);
  } catch {
    return event;
  }
}
