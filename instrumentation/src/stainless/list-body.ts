/**
 * A list in the place of a request. No API of these SDKs documents one, but gateways may take several requests at once: nobody can tell
 * what they cost together, so the call has no price (`unknown_price` decides), and goes as it is.
 */
import { asBody, UNNAMED_MODEL } from "../gate/endpoint.ts";
import type { Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { frozen } from "../gate/frozen.ts";

export interface ReadableCall {
  readonly endpoint: Endpoint;
  readonly body: Body;
}

/** `undefined`: it is nothing that an API could read. */
export function readable(endpoint: Endpoint, body: unknown): ReadableCall | undefined {
  if (Array.isArray(body)) return { endpoint: listOf(endpoint), body: body as unknown as Body };
  const one = asBody(body);
  return one === undefined ? undefined : { endpoint, body: one };
}

function listOf(endpoint: Endpoint): Endpoint {
  const readRequest = (): RequestFacts => ({
    ...endpoint.readRequest({}),
    model: UNNAMED_MODEL,
    outputBound: undefined,
    inputBound: undefined,
    cacheWrites: true,
    makesMedia: true,
    hidesOutput: true,
  });
  return frozen(Object.create(endpoint, { readRequest: { value: readRequest } }) as Endpoint);
}
