/** Reads usage off the objects that the SDK made of an answer, and ends the call when the app has had them. */
import { outputContent } from "../content/messages.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { recordProposals } from "../gate/proposals.ts";
import { ProposedCalls } from "../gate/proposed-calls.ts";
import { LEFT_MS_MAX, StreamWatch } from "./stream-watch.ts";
import { isEventStream } from "./client-shape.ts";

/** The SDK's own answer, watched. */
export function observeParsed(call: GatedCall, answer: unknown): unknown {
  if (isEventStream(answer)) {
    const events = answer.iterator;
    answer.iterator = observedEvents(call, () => events.call(answer));
    return answer;
  }
  propose(call, new ProposedCalls(), answer);
  call.recordOutput(() => outputContent(answer));
  call.settleBy(() => call.options.endpoint.readAnswer(answer));
  call.end();
  return answer;
}

/** On the call's span all that was `proposed` so far and is in `said`. Never throws. */
export function propose(call: GatedCall, proposed: ProposedCalls, said: unknown): void {
  try {
    proposed.read(said);
    recordProposals(call.span, call.who, proposed.all());
  } catch (problem) {
    call.contain(problem);
  }
}

/** The events as the app may see them. */
export function observeEvents(call: GatedCall, events: AsyncIterator<unknown>): AsyncGenerator<unknown> {
  return observedEvents(call, () => events)();
}

/** A generator, and by its name too, as the SDKs' own iterators are: a second reader gets nothing twice. */
export function observedEvents(call: GatedCall, open: () => AsyncIterator<unknown>): () => AsyncGenerator<unknown> {
  return async function* iterator() {
    const events = open();
    const watch = new StreamWatch(call);
    let isComplete = false;
    let isWithApp = false;
    let failure: unknown;
    try {
      for (;;) {
        const next = await events.next();
        // The SDKs end an aborted stream as if it were complete.
        if (call.stopped !== undefined) throw call.stopped;
        if (next.done === true) break;
        const event = watch.read(next.value);
        if (event === undefined) continue;
        isWithApp = true;
        yield event;
        isWithApp = false;
      }
      isComplete = true;
    } catch (error) {
      failure = call.stopped ?? error;
      throw failure;
    } finally {
      // The app left the loop early, threw into it, or was stopped: let the SDK abort the request first, then count.
      if (isWithApp || (!isComplete && call.stopped !== undefined)) await left(events);
      watch.end({ isComplete, error: failure });
    }
  };
}

/** Streams below may never say that they are cancelled; the money is not held for that. */
async function left(events: AsyncIterator<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LEFT_MS_MAX);
  });
  await Promise.race([events.return?.(undefined), late]).finally(() => clearTimeout(timer));
}
