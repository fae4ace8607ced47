/** The session that a framework knows of, for calls within it. One that the app has set itself stays. */
import { currentContext, withContext } from "./context.ts";

/** Runs work in some context. */
export type Enter = <T>(work: () => T) => T;

export function inSession<T>(session: string | undefined, work: () => T): T {
  return session === undefined || session === "" || currentContext().session !== undefined
    ? work()
    : withContext({ session }, work);
}

/** Every step of `values` runs in the context: a generator has none of its own. */
export function stepsIn<T>(enter: Enter, values: AsyncGenerator<T>): AsyncGenerator<T> {
  const steps: AsyncGenerator<T> = {
    next: (...given) => enter(() => values.next(...given)),
    return: (value) => enter(() => values.return(value)),
    throw: (error) => enter(() => values.throw(error)),
    [Symbol.asyncIterator]: () => steps,
    [Symbol.asyncDispose]: async () => void (await steps.return(undefined)),
  };
  return steps;
}
