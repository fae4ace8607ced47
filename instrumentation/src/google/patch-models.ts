/**
 * Puts the gate into `Models` of `@google/genai`. The three methods below all others (chats, automatic function calling and
 * continuation, each of which makes several billed requests) are one request each, so each is one call of the gate.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context } from "@opentelemetry/api";
import { takeCover } from "../gate/cover.ts";
import { asBody } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import type { AnswerPlan } from "../gate/attempt-plan.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { gatingOf } from "../gate/registry.ts";
import * as semconv from "../semconv.ts";
import { observeEvents, observeParsed } from "../stainless/observe-answer.ts";
import { isPatched, PATCHED, replace, serverOf, startCall } from "../stainless/patch-client.ts";
import { Attempts } from "./attempts.ts";
import { embedContent } from "./embed-content.ts";
import { generateContent } from "./generate-content.ts";

type ApiCall = (this: object, ...args: unknown[]) => Promise<Response>;

interface ApiClient {
  readonly clientOptions?: { readonly httpOptions?: { readonly baseUrl?: string; readonly extraBody?: unknown } };
  isVertexAI(): boolean;
}

interface Models {
  readonly apiClient: ApiClient;
}

type Method = (this: Models, params: Body) => Promise<unknown>;

/** What a client says of all its requests, and the request of itself. */
interface Kind {
  readonly provider: string;
  readonly hasExtraBody: boolean;
}

const METHODS = ["generateContentInternal", "generateContentStreamInternal", "embedContentInternal"] as const;
/** Its sixth argument is `fetch`, where the client was given one. */
const FETCH_ARGUMENT = 5;

const current = new AsyncLocalStorage<Attempts>();

/** Patches once. False for a class of another shape than the gate knows. */
export function patchModels(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const models = prototype as Record<(typeof METHODS)[number], Method>;
  if (METHODS.some((name) => typeof models[name] !== "function")) return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  gate(models, "generateContentInternal", (kind) => generateContent({ ...kind, isStreamed: false }));
  gate(models, "generateContentStreamInternal", (kind) => generateContent({ ...kind, isStreamed: true }));
  gate(models, "embedContentInternal", embedContent);
  return true;
}

function gate(
  models: Record<string, Method>,
  name: (typeof METHODS)[number],
  endpointOf: (kind: Kind) => Endpoint,
): void {
  const original = models[name] as Method;
  replace(models, name, async function (this: Models, params: Body) {
    const gating = gatingOf(this);
    if (gating === undefined || (gating.guard === undefined && takeCover())) return original.call(this, params);
    const parent = context.active();
    let kind: Kind | undefined;
    const call = startCall(
      gating.gate,
      () => {
        kind = kindOf(this, params);
        const endpoint = endpointOf(kind);
        return {
          endpoint,
          body: params,
          facts: endpoint.readRequest(params),
          server: serverOf(this.apiClient.clientOptions?.httpOptions?.baseUrl ?? ""),
          signal: heededSignal(this.apiClient, params),
          guard: gating.guard,
          parent,
        };
      },
      params,
    );
    if (call === undefined || kind === undefined) return original.call(this, params);
    const plan = await call.begin();
    if (plan.do === "pass" && isOldest(this.apiClient)) {
      const { reason } = call.signal;
      call.end(reason);
      throw reason;
    }
    if (plan.do === "answer") return answer(plan, { call, params, kind, models: this, original });
    return send({ call, params: plan.do === "send" ? plan.body : params, kind, models: this, original });
  });
}

interface Sending {
  readonly call: GatedCall;
  readonly params: Body;
  readonly kind: Kind;
  readonly models: Models;
  readonly original: Method;
}

/** The answer of a guard, through the SDK's own parsing. The call has ended; nothing is sent. */
async function answer(plan: AnswerPlan, { call, params, kind, models, original }: Sending): Promise<unknown> {
  const text = call.blockedAnswer(plan);
  const attempts = new Attempts({ call, params, hasExtraBody: kind.hasExtraBody, answer: text });
  // A version that sends in another way would send this.
  if (!patchApiClient(models.apiClient)) throw plan.error;
  return current.run(attempts, () => original.call(models, params));
}

async function send({ call, params, kind, models, original }: Sending): Promise<unknown> {
  const leaving = new AbortController();
  call.onStop((error) => leaving.abort(error));
  const { signal } = call.options;
  const abortSignal = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const sent = { ...params, config: { ...asBody(params["config"]), abortSignal } };
  const attempts = new Attempts({ call, params, hasExtraBody: kind.hasExtraBody });
  // A version that sends in another way: nothing tells what was sent, so it counts as sent.
  if (!patchApiClient(models.apiClient)) attempts.isUnsent = false;
  let answer: unknown;
  try {
    answer = await context.with(call.context, () => current.run(attempts, () => original.call(models, sent)));
  } catch (error) {
    if (attempts.isUnsent) call.releaseAttempt();
    call.end(call.stopped ?? error);
    throw call.stopped ?? error;
  }
  if (!call.options.facts.isStreamed) return observeParsed(call, answer);
  const events = observeEvents(call, abortable(answer as AsyncGenerator<unknown>, leaving));
  call.awaitReader(events);
  return events;
}

/** The SDK lets a stream that the app leaves run on, and the provider bills it: it is aborted. */
function abortable(events: AsyncGenerator<unknown>, leaving: AbortController): AsyncIterator<unknown> {
  return {
    next: () => events.next(),
    return: async (value: unknown) => {
      leaving.abort();
      return events.return(value);
    },
  };
}

/** `ApiClient` is not exported: its prototype is found with the first call. False for one of another shape. */
function patchApiClient(apiClient: object): boolean {
  const prototype = Object.getPrototypeOf(apiClient) as { apiCall?: ApiCall };
  if (isPatched(prototype)) return true;
  const { apiCall } = prototype;
  if (typeof apiCall !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  if (apiCall.length <= FETCH_ARGUMENT) oldest.add(prototype);
  replace(prototype as { apiCall: ApiCall }, "apiCall", function (this: object, ...args) {
    const running = current.getStore();
    if (running === undefined) return apiCall.apply(this, args);
    if (oldest.has(prototype)) return sendWithoutFetch(running, { apiCall: apiCall.bind(this), args });
    const given = (args[FETCH_ARGUMENT] ?? globalThis.fetch) as Parameters<Attempts["through"]>[0];
    return apiCall.apply(this, [...args.slice(0, FETCH_ARGUMENT), running.through(given)]);
  });
  return true;
}

/** Prototypes of clients that take no `fetch`. They send what was aborted before they were asked, too. */
const oldest = new WeakSet<object>();

function isOldest(apiClient: object): boolean {
  return patchApiClient(apiClient) && oldest.has(Object.getPrototypeOf(apiClient) as object);
}

function heededSignal(apiClient: object, params: Body): AbortSignal | undefined {
  const signal = asBody(params["config"])?.["abortSignal"] as AbortSignal | undefined;
  return signal?.aborted === true && isOldest(apiClient) ? undefined : signal;
}

/** The oldest versions take no `fetch`, and ask the global one, as often as they like: all that is one attempt. */
function sendWithoutFetch(
  running: Attempts,
  { apiCall, args }: { readonly apiCall: (...args: unknown[]) => Promise<Response>; readonly args: readonly unknown[] },
): Promise<Response> {
  const [url, init] = args as [string, RequestInit];
  // `fetch` sends nothing then.
  if (init.signal?.aborted === true) return apiCall(...args);
  return running.through((to, sent) => apiCall(to, sent))(url, init);
}

function kindOf({ apiClient }: Models, params: Body): Kind {
  const own = asBody(asBody(params["config"])?.["httpOptions"])?.["extraBody"];
  return {
    provider: apiClient.isVertexAI() ? semconv.Provider.gcpVertexAi : semconv.Provider.gcpGemini,
    hasExtraBody: (own ?? apiClient.clientOptions?.httpOptions?.extraBody ?? undefined) !== undefined,
  };
}
