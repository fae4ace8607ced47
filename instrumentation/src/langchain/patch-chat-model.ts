/**
 * Puts the gate into `BaseChatModel` of `@langchain/core`: what a model of a provider implements (`_generate`,
 * `_streamResponseChunks`) is gated in its own class, when the first call of such a model comes by.
 */
import { inSession, stepsIn } from "../context/framework-session.ts";
import { callModel } from "../framework/call-model.ts";
import { asBody } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import { observeEvents, observeParsed } from "../stainless/observe-answer.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { chatModel } from "./chat-model.ts";
import { isGatedBelow } from "./delegates.ts";
import { threadOf } from "./run-config.ts";

interface ChatModel {
  getLsParams?: (options: unknown) => unknown;
}

type Generate = (this: ChatModel, messages: unknown, options: Body, ...rest: unknown[]) => Promise<unknown>;
type Stream = (this: ChatModel, messages: unknown, options: Body, ...rest: unknown[]) => AsyncGenerator<unknown>;
type Prototype = Record<"_generateUncached" | "_streamIterator" | "streamEvents", (...given: unknown[]) => unknown>;

const gated = new WeakSet<object>();

/** Patches once. False for a class of another shape than the gate knows. */
export function patchChatModel(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const base = prototype as Partial<Prototype>;
  const { _generateUncached: generate, _streamIterator: iterate, streamEvents } = base;
  if (typeof generate !== "function" || typeof iterate !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const patched = base as Prototype;
  replace(patched, "_generateUncached", function (this: ChatModel, ...given) {
    gateKind(this, prototype);
    return inSession(threadOf(given[2]), () => generate.apply(this, given));
  });
  replace(patched, "_streamIterator", function (this: ChatModel, ...given) {
    gateKind(this, prototype);
    const steps = iterate.apply(this, given) as AsyncGenerator<unknown>;
    return stepsIn((work) => inSession(threadOf(given[1]), work), steps);
  });
  if (typeof streamEvents === "function" && Object.hasOwn(prototype, "streamEvents")) {
    replace(patched, "streamEvents", function (this: ChatModel, ...given) {
      gateKind(this, prototype);
      return streamEvents.apply(this, given);
    });
  }
  return true;
}

function gateKind(model: ChatModel, base: object): void {
  if (isGatedBelow(model)) return;
  gateOwner(model, base, "_generate");
  gateOwner(model, base, "_streamResponseChunks");
}

/** LangChain tells by the base's own method that a model can't stream: that one stays. */
function gateOwner(model: object, base: object, name: "_generate" | "_streamResponseChunks"): void {
  let owner: object | null = model;
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null;
  if (owner === null || owner === base) return;
  const methods = owner as Record<typeof name, unknown>;
  const original = methods[name];
  if (typeof original !== "function" || gated.has(original)) return;
  const ours = name === "_generate" ? gatedGenerate(original as Generate) : gatedStream(original as Stream);
  gated.add(ours);
  replace(methods, name, ours);
}

function gatedGenerate(original: Generate): Generate {
  return function (this: ChatModel, messages, options, ...rest) {
    return callModel({
      ...request(this, messages, options, false),
      send: (_body, signal) => original.call(this, messages, withSignal(options, signal), ...rest),
      observe: observeParsed,
    });
  };
}

function gatedStream(original: Stream): Stream {
  return async function* (this: ChatModel, messages, options, ...rest) {
    const chunks = await callModel<AsyncIterable<unknown>>({
      ...request(this, messages, options, true),
      send: (_body, signal) => started(original.call(this, messages, withSignal(options, signal), ...rest)),
      observe: (call, answer) => observeEvents(call, answer[Symbol.asyncIterator]()),
    });
    yield* chunks;
  };
}

function request(
  model: ChatModel,
  messages: unknown,
  options: Body,
  isStreamed: boolean,
): { readonly endpoint: Endpoint; readonly body: Body; readonly signal: AbortSignal | undefined } {
  const { signal, ...said } = options;
  const params = asBody(model.getLsParams?.(options)) ?? {};
  return {
    endpoint: chatModel(params, isStreamed),
    body: { messages, options: said },
    signal: signal instanceof AbortSignal ? signal : undefined,
  };
}

function withSignal(options: Body, signal: AbortSignal | undefined): Body {
  return signal === undefined ? options : { ...options, signal };
}

/** A generator sends its request with its first step. */
async function started(chunks: AsyncGenerator<unknown>): Promise<AsyncIterable<unknown>> {
  const first = await chunks.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* chunks;
    } finally {
      await chunks.return(undefined);
    }
  })();
}
