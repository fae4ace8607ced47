/**
 * LangChain's models, of chats, of embeddings and others, send through an `AsyncCaller`, which tries again after any error that it does not
 * know to be final: six times by default, over more than a minute. What the gate refuses is refused: the app gets the typed error at once.
 */
import { findTollgateError } from "../errors.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";

interface Caller {
  onFailedAttempt?: (error: unknown) => unknown;
}

type Call = (this: Caller, ...given: unknown[]) => unknown;

/** All calls go through one of these: the first where there is one (1.x), else the second. */
const METHODS = ["callWithRetries", "call"] as const;

const ended = new WeakSet<Caller>();

/** Patches `AsyncCaller` once. False for a class of another shape than the gate knows. */
export function patchCaller(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const base = prototype as Record<(typeof METHODS)[number], Call>;
  const name = METHODS.find((method) => typeof base[method] === "function");
  if (name === undefined) return false;
  const original = base[name];
  Object.defineProperty(prototype, PATCHED, { value: true });
  replace(base, name, function (this: Caller, ...given) {
    endAtRefusals(this);
    return original.apply(this, given);
  });
  return true;
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
