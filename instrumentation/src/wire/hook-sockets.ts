/**
 * Bytes that somebody writes to a known provider by hand, or by a client that nobody sees (undici in a bundle, `end` of another class called
 * on a request): nobody can read what they ask for, so they go by the agent's list of endpoints.
 */
import { callInFlight, isSentByAny } from "../gate/current-call.ts";
import type { CallInFlight } from "../gate/current-call.ts";
import { isPatched } from "../stainless/patch-client.ts";
import { isLookedAt } from "./hook-http.ts";
import { watchSockets } from "./watch-sockets.ts";
import { registeredWire } from "./wire.ts";

/** Sockets that a gated call opens: it may send by a client that nobody sees, and what leaves so is of its attempt. */
const ofCalls = new WeakMap<object, CallInFlight>();

export function hookSockets(): void {
  watchSockets({
    wants(url, socket) {
      const wire = registeredWire();
      if (wire === undefined) return false;
      const by = callInFlight();
      if (by === undefined) return wire.isOfProvider(url);
      if (isSentByAny()) return false;
      ofCalls.set(socket, by);
      return true;
    },
    isSeen: isLookedAt,
    isPatched: isOfPatched,
    admit: (url, socket) => {
      const by = ofCalls.get(socket);
      if (by === undefined) return registeredWire()?.admitBytes(url);
      if (by.departure?.begin() === false) throw new Error("it was given up before it was sent");
      return undefined;
    },
  });
}

function isOfPatched(client: object): boolean {
  for (let owner: object | null = client; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    if (isPatched(owner)) return true;
  }
  return false;
}
