/**
 * `@anthropic-ai/sdk` makes a span of each call itself when a tracer provider is set. The gate makes that span, with cost
 * and decision; a second one would count the same usage twice. So a gated client has no tracer of its own.
 */
import { gatingOf } from "../gate/registry.ts";

const tracers = new WeakMap<object, unknown>();

/** The constructor's assignment lands in the setter, so clients keep the tracer for when they are not gated. */
export function hideOwnSpans(prototype: object): void {
  Object.defineProperty(prototype, "_tracer", {
    get(this: object) {
      return gatingOf(this) === undefined ? tracers.get(this) : undefined;
    },
    set(this: object, tracer: unknown) {
      tracers.set(this, tracer);
    },
    configurable: true,
  });
}

/** For a client that was made before its class was patched. */
export function dropOwnTracer(client: object): void {
  if (Object.hasOwn(client, "_tracer")) Reflect.deleteProperty(client, "_tracer");
}
