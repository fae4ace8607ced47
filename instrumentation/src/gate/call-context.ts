/**
 * The context in which an SDK works on the request of a gated call: its span is the active one, and whoever sends the request finds the
 * call. One small object in place of a copy of everything around it for each value. Sockets, streams and timers of the request keep it for
 * long after the call: it lets go of the call, and of all that hangs on it, when that has ended.
 */
import { createContextKey, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import type { CallInFlight, Sender } from "./current-call.ts";

/** Of OpenTelemetry's API, where it keeps the active span: keys are `Symbol.for`. */
const SPAN = createContextKey("OpenTelemetry Context Key SPAN");
const CALL = createContextKey("tollgate.call");
const SENDER = createContextKey("tollgate.sender");
const SENDS = createContextKey("tollgate.sends");

export class CallContext implements Context {
  /** What the SDK's own sending belongs to, if its client is one that is patched. */
  sender: object | undefined;
  readonly #around: Context;
  #call: CallInFlight | undefined;
  #span: Span | undefined;

  constructor(given: Context, { call, span }: { readonly call: CallInFlight; readonly span?: Span }) {
    const around = given instanceof SendingContext ? given.around : given;
    // A call that is made in the context of another one (by a listener of its answer) stands beside it: no chains.
    const isInside = around instanceof CallContext;
    this.#around = isInside ? around.#around : around;
    this.#call = call;
    this.#span = span ?? (isInside ? around.#span : undefined);
  }

  getValue(key: symbol): unknown {
    switch (key) {
      case CALL:
        return this.#call;
      case SPAN:
        return this.#span ?? this.#around.getValue(SPAN);
      case SENDER:
        return this.sender;
      case SENDS:
        // A call that is made under a request has sent nothing yet.
        return undefined;
      default:
        return this.#around.getValue(key);
    }
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#copy().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#copy().deleteValue(key);
  }

  /** The call has ended. What still runs in here belongs to its span, and to nothing else of it. */
  leave(): void {
    this.#call = undefined;
    this.sender = undefined;
    if (this.#span !== undefined) this.#span = trace.wrapSpanContext(this.#span.spanContext());
  }

  #copy(): Context {
    const copy = this.#around.setValue(CALL, this.#call).setValue(SENDER, this.sender);
    return this.#span === undefined ? copy : copy.setValue(SPAN, this.#span);
  }
}

/** In which a request of a call is sent: what lies under it is known as that request. As small as the call's own, for the same reason. */
export class SendingContext implements Context {
  readonly around: Context;
  readonly #via: Sender;

  constructor(around: Context, via: Sender) {
    this.around = around instanceof SendingContext ? around.around : around;
    this.#via = via;
  }

  getValue(key: symbol): unknown {
    return key === SENDS ? this.#via : this.around.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new SendingContext(this.around.setValue(key, value), this.#via);
  }

  deleteValue(key: symbol): Context {
    return new SendingContext(this.around.deleteValue(key), this.#via);
  }
}

/** What sends the request that the running code works for. */
export function sendsIn(context: Context): Sender | undefined {
  return context.getValue(SENDS) as Sender | undefined;
}

export function callIn(context: Context): CallInFlight | undefined {
  return context.getValue(CALL) as CallInFlight | undefined;
}

export function senderIn(context: Context): object | undefined {
  return context.getValue(SENDER) as object | undefined;
}
