/**
 * LangChain's models send through an `AsyncCaller`, which tries again after any error that it does not know to be final: six times by
 * default, over more than a minute. What the gate refuses is refused: the app gets the typed error at once.
 */
import { findTollgateError } from "../errors.ts";
import { replace } from "../stainless/patch-client.ts";

interface Caller {
  onFailedAttempt?: (error: unknown) => unknown;
}

type Call = (this: Caller, ...given: unknown[]) => unknown;

/** All calls go through one of these: the first where there is one (1.x), else the second. */
const METHODS = ["callWithRetries", "call"] as const;

const patched = new WeakSet<object>();
const ended = new WeakSet<Caller>();

/** Patches the class of the model's caller when its first model comes by; another shape is left alone. */
export function endRetries({ caller }: { readonly caller?: unknown }): void {
  if (typeof caller !== "object" || caller === null) return;
  const prototype = Object.getPrototypeOf(caller) as Partial<Record<(typeof METHODS)[number], Call>> | null;
  if (prototype === null || patched.has(prototype)) return;
  patched.add(prototype);
  for (const name of METHODS) {
    const original = prototype[name];
    if (typeof original !== "function") continue;
    replace(prototype, name, function (this: Caller, ...given: unknown[]) {
      endAtRefusals(this);
      return original.apply(this, given);
    });
    return;
  }
}

/** What is thrown here is not tried again. */
function endAtRefusals(caller: Caller): void {
  if (ended.has(caller)) return;
  ended.add(caller);
  const own = caller.onFailedAttempt;
  caller.onFailedAttempt = (error) => {
    if (findTollgateError(error) !== undefined) throw error;
    return own?.(error);
  };
}
