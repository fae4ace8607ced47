/**
 * Processes that are started before anything is asked of them. What one may spend and which hooks it asks is fixed as it starts, when nobody
 * knows yet what its budget will have left: in a gated process none starts ahead. `startup` gives what it always does, and its process starts
 * with the question; a spare of `prewarm` gets half of its options only then, so there is none.
 */
import { asBody } from "../gate/endpoint.ts";
import { registeredGate } from "../gate/registry.ts";

type AnyFunction = (...given: unknown[]) => unknown;

export function startLater(startup: AnyFunction, query: (params: unknown) => unknown): AnyFunction {
  return (...given) => {
    if (registeredGate() === undefined) return startup(...given);
    const options = asBody(given[0])?.["options"];
    let isOver: string | undefined;
    const close = (): void => void (isOver ??= "the process is closed");
    return Promise.resolve({
      query(prompt: unknown) {
        if (isOver !== undefined) throw new Error(isOver);
        isOver = "WarmQuery.query() can only be called once";
        return query({ prompt, ...(options === undefined ? {} : { options }) });
      },
      close,
      [Symbol.asyncDispose]: async () => close(),
    });
  };
}

export function refusePrewarm(prewarm: AnyFunction): AnyFunction {
  return (...given) =>
    registeredGate() === undefined
      ? prewarm(...given)
      : Promise.reject(
          new Error("no process is started ahead where Tollgate is registered: start the session with `query()`"),
        );
}
