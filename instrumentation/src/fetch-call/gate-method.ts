import { takeCover } from "../gate/cover.ts";
import { gatingOf } from "../gate/registry.ts";
import { replace } from "../stainless/patch-client.ts";
import { FetchCall } from "./fetch-call.ts";
import type { FindEndpoint } from "./fetch-call.ts";

type Method = (this: object, ...parameters: unknown[]) => Promise<unknown>;

/** Makes each call of method `name` one call of the gate. `prepare` sees to it that its requests are seen. */
export function gateMethod(
  prototype: object,
  name: string,
  options: {
    readonly findEndpoint: FindEndpoint;
    prepare(client: object): void;
    /** For an answer that goes on after the method is over, and tells in a way of its own when it is left. */
    watchAnswer?(answer: unknown, call: FetchCall): void;
  },
): void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name];
  if (typeof original !== "function") return;
  replace(methods, name, function (...parameters) {
    const gating = gatingOf(this);
    if (gating === undefined || FetchCall.running !== undefined) return original.apply(this, parameters);
    // A framework's call of a model has admitted this one.
    if (gating.guard === undefined && takeCover()) return original.apply(this, parameters);
    options.prepare(this);
    const call = new FetchCall(gating, options.findEndpoint);
    const answer = call.run(() => original.apply(this, parameters));
    if (options.watchAnswer === undefined) return answer;
    return answer.then((value) => {
      options.watchAnswer?.(value, call);
      return value;
    });
  });
}
