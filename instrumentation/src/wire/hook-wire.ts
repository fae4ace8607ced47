import { hookFetch } from "./hook-fetch.ts";
import { hookHttp } from "./hook-http.ts";
import { hookHttp2 } from "./hook-http2.ts";
import { patchGlobalDispatcher } from "./hook-undici.ts";
import { watchWebSocket } from "./hook-websocket.ts";

/** From now on `fetch`, `undici`, `node:http` and `node:http2` ask the registered wire. Once. */
export function hookWire(): void {
  hookFetch();
  hookHttp();
  hookHttp2();
  // For a process that has used them before, and for `WebSocket`.
  patchGlobalDispatcher();
  watchWebSocket(patchGlobalDispatcher);
}
