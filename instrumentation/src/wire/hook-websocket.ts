/**
 * Node's own `WebSocket` opens its connection by undici's global dispatcher, where the gate stands; but undici is loaded, and there is
 * a dispatcher, only when somebody asks for the first of these. So whoever asks for `WebSocket` finds the dispatcher patched.
 */
import { isPatched, PATCHED } from "../stainless/patch-client.ts";
import { patchGlobalDispatcher } from "./hook-undici.ts";

export function hookWebSocket(): void {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  const { get } = descriptor ?? {};
  // Without a getter it was loaded, and the dispatcher with it; or the app has put its own in its place.
  if (descriptor === undefined || get === undefined || isPatched(get)) return;
  const gated = function (this: unknown): unknown {
    const loaded: unknown = get.call(this);
    patchGlobalDispatcher();
    return loaded;
  };
  Object.defineProperty(gated, PATCHED, { value: true });
  Object.defineProperty(globalThis, "WebSocket", { ...descriptor, get: gated });
}
