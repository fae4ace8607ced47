import { asBody } from "../gate/endpoint.ts";

/** The app's own signal, where `options` of a tool's call have one under `name`. */
export function signalOf(options: unknown, name = "signal"): AbortSignal | undefined {
  const signal = asBody(options)?.[name];
  return signal instanceof AbortSignal ? signal : undefined;
}
