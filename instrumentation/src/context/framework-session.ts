/** The session that a framework knows of, for calls within it. One that the app has set itself stays. */
import { currentContext, withContext } from "./context.ts";

export function inSession<T>(session: string | undefined, work: () => T): T {
  return session === undefined || session === "" || currentContext().session !== undefined
    ? work()
    : withContext({ session }, work);
}

/** Every step of `values` runs in the session. */
export function generatorInSession<T>(session: string | undefined, values: AsyncGenerator<T>): AsyncGenerator<T> {
  if (session === undefined || session === "" || currentContext().session !== undefined) return values;
  const steps: AsyncGenerator<T> = {
    next: (...given) => inSession(session, () => values.next(...given)),
    return: (value) => inSession(session, () => values.return(value)),
    throw: (error) => inSession(session, () => values.throw(error)),
    [Symbol.asyncIterator]: () => steps,
    [Symbol.asyncDispose]: async () => void (await steps.return(undefined)),
  };
  return steps;
}
