/**
 * Puts the gate into `BedrockRuntimeClient.send`, through which every command goes. The command is sent as a copy whose input
 * has the bound that the reservation covers; the answer is the SDK's own object, and a stream's events are read as the app
 * takes them.
 */
import { callbackify } from "node:util";
import { context } from "@opentelemetry/api";
import { takeCover } from "../gate/cover.ts";
import { asBody } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { gatingOf } from "../gate/registry.ts";
import type { Gating } from "../gate/registry.ts";
import { alike } from "../registration/replace-function.ts";
import { observedEvents, observeParsed } from "../stainless/observe-answer.ts";
import { isPatched, PATCHED, replace, serverOf, startCall } from "../stainless/patch-client.ts";
import { Attempts } from "./attempts.ts";
import type { Next } from "./attempts.ts";
import { converse } from "./converse.ts";
import { invokedAnswer, invokeModel } from "./invoke-model.ts";

interface Command {
  readonly input: Body;
  /** Since 3.9xx: `[9, namespace, name, …]`. */
  readonly schema?: unknown;
}

interface Stack {
  clone(): Stack;
  addRelativeTo(middleware: (next: Next) => Next, options: Readonly<Record<string, unknown>>): void;
}

interface Client {
  readonly middlewareStack: Stack;
  readonly config: { readonly endpoint?: unknown; readonly region?: unknown };
  send: (this: Client, command: Command, ...rest: unknown[]) => unknown;
}

type Options = { readonly abortSignal?: AbortSignal } & Readonly<Record<string, unknown>>;
type Callback = (error: Error | null, output?: unknown) => void;

/** Patches once. False for a class of another shape than the gate knows. */
export function patchBedrock(prototype: object | null): boolean {
  if (prototype === null) return false;
  // `BedrockRuntime`, with a method for each command, extends the class that is patched as it is loaded.
  for (let owner: object | null = prototype; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    if (isPatched(owner)) return true;
  }
  const client = prototype as Client;
  const original = client.send;
  if (typeof original !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  replace(client, "send", function (command, ...rest) {
    const gating = gatingOf(this);
    const operation = gating === undefined ? undefined : operationOf(command);
    if (gating === undefined || operation === undefined) return original.call(this, command, ...rest);
    // A framework's call of a model has admitted this one.
    if (gating.guard === undefined && takeCover()) return original.call(this, command, ...rest);
    const callback = rest.find((value) => typeof value === "function") as Callback | undefined;
    const options = rest.find((value) => typeof value === "object" && value !== null) as Options | undefined;
    const answer = send({ client: this, command, options: options ?? {}, original, gating, operation });
    if (callback === undefined) return answer;
    callbackify(() => answer)(callback);
    return undefined;
  });
  return true;
}

interface Operation {
  readonly endpoint: Endpoint;
  /** The member of the output that holds the events. */
  readonly stream: "stream" | "body" | undefined;
}

/** `undefined` for what costs nothing (`CountTokens`) or is not gated. */
function operationOf(command: Command): Operation | undefined {
  const { schema, input } = command;
  const name = Array.isArray(schema) ? String(schema[2]) : command.constructor.name.replace(/Command$/, "");
  switch (name) {
    case "Converse":
      return { endpoint: converse(input, { isStreamed: false }), stream: undefined };
    case "ConverseStream":
      return { endpoint: converse(input, { isStreamed: true }), stream: "stream" };
    case "InvokeModel":
      return { endpoint: invokeModel(input, { isStreamed: false }), stream: undefined };
    case "InvokeModelWithResponseStream":
      return { endpoint: invokeModel(input, { isStreamed: true }), stream: "body" };
    default:
      return undefined;
  }
}

interface Sending {
  readonly client: Client;
  readonly command: Command;
  readonly options: Options;
  readonly original: Client["send"];
  readonly gating: Gating;
  readonly operation: Operation;
}

async function send(sending: Sending): Promise<unknown> {
  const { client, command, options, original, gating, operation } = sending;
  const parent = context.active();
  const { endpoint } = operation;
  const server = await serverOfClient(client);
  const call = startCall(
    gating.gate,
    () => ({
      endpoint,
      body: command.input,
      facts: endpoint.readRequest(command.input),
      server,
      signal: options.abortSignal,
      guard: gating.guard,
      parent,
    }),
    command.input,
  );
  if (call === undefined) return original.call(client, command, options);
  const plan = await call.begin();
  if (plan.do === "answer") return answered(call.blockedAnswer(plan), operation, command.input);
  const attempts = new Attempts(call, (wire, admitted) => withBound(wire, admitted, operation));
  const input = plan.do === "send" ? plan.body : command.input;
  const sent = Object.create(command, { input: { value: input, enumerable: true } }) as Command;
  let output: unknown;
  try {
    output = await original.call(watched(client, attempts), sent, { ...options, abortSignal: call.signal });
  } catch (error) {
    if (attempts.isUnsent) call.releaseAttempt();
    const shown = attempts.refusal ?? call.stopped ?? error;
    call.end(shown);
    throw shown;
  }
  return observe(call, output, { attempts, operation });
}

/** The client with one middleware more, behind its retries. */
function watched(client: Client, attempts: Attempts): Client {
  const middlewareStack = client.middlewareStack.clone();
  middlewareStack.addRelativeTo((next) => (args) => attempts.attempt(next, args), {
    name: "tollgateAttempts",
    relation: "after",
    toMiddleware: "retryMiddleware",
  });
  return Object.create(client, { middlewareStack: { value: middlewareStack } }) as Client;
}

function observe(
  call: GatedCall,
  output: unknown,
  { attempts, operation }: { readonly attempts: Attempts; readonly operation: Operation },
): unknown {
  const answer = asBody(output) ?? {};
  if (operation.stream === undefined) {
    const { body } = answer;
    observeParsed(call, body instanceof Uint8Array ? invokedAnswer(body, attempts.headers) : output);
    return output;
  }
  const stream = answer[operation.stream] as AsyncIterable<unknown> | undefined;
  if (stream === undefined) {
    call.end();
    return output;
  }
  call.awaitReader(stream);
  const events = stream[Symbol.asyncIterator];
  Object.defineProperty(stream, Symbol.asyncIterator, {
    value: alike(
      observedEvents(call, () => events.call(stream)),
      events,
    ),
    configurable: true,
    writable: true,
  });
  return output;
}

/** A later attempt may have to be smaller than the first, whose body is on the wire already. */
function withBound(wire: Body, admitted: Body, { endpoint }: Operation): Body {
  const isConverse = admitted["body"] === undefined;
  const { outputBound } = endpoint.readRequest(admitted);
  if (outputBound === undefined) return wire;
  if (isConverse) return { ...wire, inferenceConfig: { ...asBody(wire["inferenceConfig"]), maxTokens: outputBound } };
  return asBody(JSON.parse(String(admitted["body"]))) ?? wire;
}

/** What a guard answers with, in the shape of the SDK's own. */
function answered(text: string, { stream }: Operation, { modelId }: Body): unknown {
  const $metadata = { httpStatusCode: 200, attempts: 0, totalRetryDelay: 0 };
  const json: unknown = JSON.parse(text);
  if (stream === "stream") return { $metadata, stream: eventsOf(json as readonly unknown[]) };
  const bytes = new TextEncoder().encode(text);
  if (stream === "body") return { $metadata, contentType: "application/json", body: eventsOf([{ chunk: { bytes } }]) };
  const isConverse = asBody(json)?.["output"] !== undefined;
  if (isConverse) return { $metadata, ...asBody(json) };
  return { $metadata, contentType: "application/json", body: bytes, modelId };
}

async function* eventsOf(events: readonly unknown[]): AsyncGenerator<unknown> {
  yield* events;
}

async function serverOfClient({ config }: Client): Promise<ReturnType<typeof serverOf>> {
  const { endpoint } = config;
  if (typeof endpoint === "string") return serverOf(endpoint);
  try {
    if (typeof endpoint !== "function") return undefined;
    const { protocol, hostname, port } = (await endpoint()) as { protocol: string; hostname: string; port?: number };
    return serverOf(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`);
  } catch {
    return undefined;
  }
}
