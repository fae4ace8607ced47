/**
 * Bytes that somebody writes to a known provider by hand, or by a client that nobody sees (undici in a bundle, `end` of another class called
 * on a request): nobody can read what they ask for, so they go by the agent's list of endpoints.
 */
import { callInFlight } from "../gate/current-call.ts";
import { isPatched } from "../stainless/patch-client.ts";
import { isLookedAt } from "./hook-http.ts";
import { watchSockets } from "./watch-sockets.ts";
import { registeredWire } from "./wire.ts";

export function hookSockets(): void {
  watchSockets({
    // A gated call may send by a client that nobody sees.
    wants: (url) => registeredWire()?.isOfProvider(url) === true && callInFlight() === undefined,
    isSeen: isLookedAt,
    isPatched: isOfPatched,
    admit: (url) => registeredWire()?.admitBytes(url),
  });
}

function isOfPatched(client: object): boolean {
  for (let owner: object | null = client; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    if (isPatched(owner)) return true;
  }
  return false;
}
