/** The class of requests that Node's `fetch` takes, also where the app has put another in its place. Light: it is there from a process's start. */

const atStart = Object.getOwnPropertyDescriptor(globalThis, "Request");

export function nodesRequest(): typeof Request {
  if (atStart?.get === undefined) return (atStart?.value as typeof Request | undefined) ?? Request;
  const now = Object.getOwnPropertyDescriptor(globalThis, "Request");
  // Node loads its own when it is first read, and makes it the global then.
  const own = atStart.get.call(globalThis) as typeof Request;
  if (now !== undefined && now.get === undefined && now.value !== own)
    Object.defineProperty(globalThis, "Request", now);
  return own;
}
