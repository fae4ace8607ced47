/**
 * What the clients of `openai` and `@anthropic-ai/sdk` have in common: both are made by one generator, and their private
 * surface has the same names. Only what the gate touches is described. Checked at patch time: a client of another shape
 * is left alone and reported.
 */

export interface RequestOptions {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly stream?: boolean;
  readonly signal?: AbortSignal | null;
  /** Of `fetch`, put over what the SDK gives it. */
  readonly fetchOptions?: unknown;
}

/** What `makeRequest` resolves with, and what parsing starts from. */
export interface ResponseProps {
  response: Response;
  options: RequestOptions;
  controller: AbortController;
}

export interface ApiPromise {
  parseResponse: (this: ApiPromise, client: unknown, props: ResponseProps) => Promise<unknown>;
  asResponse: (this: ApiPromise) => Promise<Response>;
  /** Private to the SDK: what both of them read. */
  readonly responsePromise?: Promise<ResponseProps>;
}

export interface ClientPrototype {
  readonly baseURL: string;
  /** For each request. */
  readonly fetchOptions?: unknown;
  makeRequest: (
    this: ClientPrototype,
    options: RequestOptions | PromiseLike<RequestOptions>,
    retriesRemaining: number | null,
    retryOf: string | undefined,
    ...rest: unknown[]
  ) => Promise<ResponseProps>;
  fetchWithTimeout: (this: ClientPrototype, ...parameters: unknown[]) => Promise<Response>;
  request: (this: ClientPrototype, options: unknown, remainingRetries?: number | null) => ApiPromise;
  /** openai only: parsing, with a retry when the body does not come in time. */
  parseResponseWithTimeout?: (this: ClientPrototype, client: unknown, props: ResponseProps) => Promise<unknown>;
  withOptions: (this: ClientPrototype, options: unknown) => object;
  /** Nothing, until a subclass overrides them. */
  readonly prepareOptions?: unknown;
  readonly prepareRequest?: unknown;
}

/** A streamed answer: anything with a public `iterator` that makes its events, as both SDKs have it. */
export interface EventStream {
  iterator: () => AsyncIterator<unknown>;
  readonly controller: AbortController;
}

export function isEventStream(value: unknown): value is EventStream {
  return (
    typeof value === "object" &&
    value !== null &&
    "iterator" in value &&
    typeof value.iterator === "function" &&
    "controller" in value
  );
}

const METHODS = ["makeRequest", "fetchWithTimeout", "request", "withOptions"] as const;

/** The prototype that owns the client's machinery, from a client class or any of its instances. */
export function findClientPrototype(start: object | null): ClientPrototype | undefined {
  for (let prototype = start; prototype !== null; prototype = Object.getPrototypeOf(prototype) as object | null) {
    if (Object.hasOwn(prototype, "makeRequest")) {
      const candidate = prototype as Record<string, unknown>;
      return METHODS.every((name) => typeof candidate[name] === "function")
        ? (prototype as unknown as ClientPrototype)
        : undefined;
    }
  }
  return undefined;
}
