import type { Body, Endpoint, RequestFacts } from "./endpoint.ts";

/**
 * An endpoint whose request can't be changed (signed, on its way, or of more than one meaning): its bound is what it is, or the model's
 * maximum, and it is never lowered.
 */
export function frozen(endpoint: Endpoint): Endpoint {
  return Object.create(endpoint, {
    readRequest: {
      value: (body: Body): RequestFacts => ({
        ...endpoint.readRequest(body),
        outputLeast: Number.MAX_SAFE_INTEGER,
        isFixed: true,
      }),
    },
    rewrite: { value: (body: Body): Body => body },
  }) as Endpoint;
}
