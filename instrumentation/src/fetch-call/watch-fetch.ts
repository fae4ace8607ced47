/** Puts the gate below an SDK's own methods: into the `fetch` that an instance sends with. */
import { FetchCall } from "./fetch-call.ts";

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What holds an SDK's `fetch`; absent: the SDK uses the global one. */
export interface FetchHolder {
  fetch?: Fetch | undefined;
}

const watched = new WeakSet<Fetch>();

/** Replaces the holder's `fetch` once. Outside a gated call it does what it did. */
export function watchFetch(holder: FetchHolder): void {
  const given = holder.fetch;
  if (given !== undefined && watched.has(given)) return;
  const through: Fetch = (input, init) => {
    const fetch = given ?? globalThis.fetch;
    const call = FetchCall.running;
    const body = init?.body;
    if (call === undefined || typeof body !== "string" || init?.method?.toUpperCase() !== "POST") {
      return fetch(input, init);
    }
    return call.attempt({
      url: input instanceof Request ? input.url : String(input),
      body,
      signal: init.signal ?? undefined,
      send: (changed) => fetch(input, { ...init, ...changed }),
      pass: () => fetch(input, init),
    });
  };
  watched.add(through);
  holder.fetch = through;
}
