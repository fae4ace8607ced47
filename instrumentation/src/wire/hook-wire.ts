import { hookFetch } from "./hook-fetch.ts";
import { hookHttp } from "./hook-http.ts";
import { patchGlobalDispatcher } from "./hook-undici.ts";

/** From now on `fetch`, `undici` and `node:http` ask the registered wire. Once. */
export function hookWire(): void {
  hookFetch();
  hookHttp();
  // For a process that has used them before.
  patchGlobalDispatcher();
}
