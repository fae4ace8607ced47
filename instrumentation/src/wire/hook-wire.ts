import { hookFetch } from "./hook-fetch.ts";
import { hookHttp } from "./hook-http.ts";
import { hookHttp2 } from "./hook-http2.ts";
import { hookSockets } from "./hook-sockets.ts";
import { isFirstPreload } from "../config/start-settings.ts";
import { patchDispatcherOf, patchGlobalDispatcher } from "./hook-undici.ts";
import { watchWebSocket } from "./hook-websocket.ts";
import type { SocketWatch } from "./hook-websocket.ts";
import { watchUndici } from "./watch-undici.ts";

/** From now on `fetch`, `undici`, `node:http` and `node:http2` ask the registered wire, and Node's `WebSocket` is made by `makeSocket`. Once. */
export function hookWire({ makeSocket }: { readonly makeSocket?: NonNullable<SocketWatch["make"]> } = {}): void {
  hookFetch();
  hookHttp();
  hookHttp2();
  hookSockets();
  // For a process that has used them before, and for `WebSocket`.
  patchGlobalDispatcher();
  // For who took Node's `fetch` before.
  if (!isFirstPreload()) watchUndici(patchDispatcherOf);
  watchWebSocket({ loaded: patchGlobalDispatcher, ...(makeSocket !== undefined && { make: makeSocket }) });
}
