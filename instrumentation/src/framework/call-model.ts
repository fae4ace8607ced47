/** One call of a model as a framework makes it: admitted, sent under cover, settled by what its answer says. */
import { context } from "@opentelemetry/api";
import { asCount } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import { takeCover, underCover } from "../gate/cover.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { SentBody } from "../gate/sent-body.ts";
import { registeredGate } from "../gate/registry.ts";
import type { Server } from "../gate/call-span.ts";
import { startCall } from "../stainless/patch-client.ts";

export interface ModelCall<T> {
  readonly endpoint: Endpoint;
  readonly body: Body;
  readonly server?: Server | undefined;
  readonly signal: AbortSignal | undefined;
  /** Makes the framework's own call. `signal` is undefined where the call is not gated. */
  send(body: Body, signal: AbortSignal | undefined): PromiseLike<T>;
  /** Watches the answer, and ends the call when it has been read. */
  observe(call: GatedCall, answer: T): T;
}

/** Throws the typed errors; any other error is the model's own. */
export async function callModel<T>(model: ModelCall<T>): Promise<T> {
  const { endpoint, body, server, signal } = model;
  const gate = registeredGate();
  if (gate === undefined || takeCover()) return model.send(body, signal);
  const parent = context.active();
  const facts = () => endpoint.readRequest(body);
  const call = startCall(
    gate,
    () => ({ endpoint, body, facts: facts(), server, signal, guard: undefined, parent }),
    body,
  );
  if (call === undefined) return model.send(body, signal);
  const plan = await call.begin();
  const sent = plan.do === "send" ? plan.body : body;
  call.body = new SentBody(call);
  let answer: T;
  try {
    answer = await context.with(call.context, () => underCover(() => model.send(sent, call.signal)));
  } catch (error) {
    // A model that tries again may end with a refusal after a request that was never answered.
    if (isRefusedByProvider(error) && !call.departure.mayHaveLeft) call.releaseAttempt();
    else call.giveUpAttempt(error);
    call.end(call.stopped ?? error);
    throw call.stopped ?? error;
  }
  return model.observe(call, answer);
}

/** The provider answered with an error. */
function isRefusedByProvider(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const status = asCount(
    ("statusCode" in error ? error.statusCode : undefined) ?? ("status" in error ? error.status : undefined),
  );
  return status !== undefined && status >= 400;
}
