/**
 * The gate in `ClientRequest` of `node:http`, which `http`, `https` and all that is built on them (axios, node-fetch, got) send
 * through. Its methods are patched in place, so it does not matter when somebody got hold of `request`. What an app writes
 * is held until the call is admitted; the request object, its events and its errors are the app's own.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { context } from "@opentelemetry/api";
import { answerTo, startSending } from "../gate/current-call.ts";
import type { CallInFlight } from "../gate/current-call.ts";
import { isPatched, PATCHED } from "../stainless/patch-client.ts";
import { tellDeparture } from "./http-departure.ts";
import { destinationOf, watchDestinations } from "./http-destination.ts";
import { HeldRequest } from "./held-request.ts";
import type { SendMethods } from "./held-request.ts";
import { registeredWire } from "./wire.ts";
import type { Verdict } from "./wire.ts";

type Method = (this: ClientRequest, ...args: unknown[]) => unknown;
type Methods = Record<"write" | "end" | "flushHeaders", Method>;

/** What was decided for a request; `undefined`: it goes straight on. */
const held = new WeakMap<ClientRequest, HeldRequest | undefined>();

export function hookHttp(): void {
  watchDestinations();
  // Not imported: the module's namespace would read its lazy members, and load undici for them.
  const prototype = process.getBuiltinModule("node:http").ClientRequest.prototype as unknown as Methods;
  if (isPatched(prototype)) return;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const { write, end, flushHeaders } = prototype;
  const original: SendMethods = { write, end };
  const patch = (name: keyof Methods, method: Method): void => {
    Object.defineProperty(prototype, name, { value: method, writable: true, configurable: true, enumerable: true });
  };
  patch("write", function (...args) {
    const request = heldRequest(this, original);
    return request === undefined ? write.apply(this, args) : request.write(args);
  });
  patch("end", function (...args) {
    const request = heldRequest(this, original);
    return request === undefined ? end.apply(this, args) : request.end(args);
  });
  patch("flushHeaders", function (...args) {
    const request = heldRequest(this, original);
    return request === undefined ? flushHeaders.apply(this, args) : undefined;
  });
}

/** Whether its sending has passed here. */
export function isLookedAt(request: ClientRequest): boolean {
  return held.has(request);
}

function heldRequest(request: ClientRequest, original: SendMethods): HeldRequest | undefined {
  if (held.has(request)) {
    const known = held.get(request);
    return known?.isSending === true ? undefined : known;
  }
  const hold = look(request, original);
  held.set(request, hold);
  return hold;
}

function look(request: ClientRequest, original: SendMethods): HeldRequest | undefined {
  const wire = registeredWire();
  const destination = wire === undefined ? null : destinationOf(request);
  if (wire === undefined || destination === null) return undefined;
  const { url, named } = destination;
  const method = request.method.toUpperCase();
  const isUpgrade = request.getHeader("upgrade") !== undefined;
  const verdict: Verdict = wire.judge({ method, url, isUpgrade, named, via: "http" });
  switch (verdict.do) {
    case "pass":
      return undefined;
    case "covered": {
      const { by, host } = verdict;
      const { stop } = startSending(by, "http");
      const watch = (): void => watchCovered(request, { by, stop });
      if (by.body === undefined) {
        watch();
        return undefined;
      }
      const own: Verdict = { do: "read", host };
      const covered = { by: by.body, watch, stop };
      return new HeldRequest({ request, url, method, verdict: own, covered, wire, original, parent: context.active() });
    }
    case "refuse":
    case "wait":
    case "read":
      return new HeldRequest({ request, url, method, verdict, wire, original, parent: context.active() });
  }
}

/** Without adding a listener: a request that nobody listens to throws its answer away, and has to go on doing so. */
function watchCovered(
  request: ClientRequest,
  { by, stop }: { readonly by: CallInFlight; readonly stop: () => void },
): void {
  tellDeparture(request, by.departure);
  const emit = request.emit.bind(request);
  request.emit = (name: string | symbol, ...args: unknown[]): boolean => {
    if (name === "response") {
      const { statusCode = 0 } = args[0] as IncomingMessage;
      answerTo(by, statusCode);
    }
    if (ENDS.has(name)) stop();
    return emit(name, ...args);
  };
}

const ENDS: ReadonlySet<string | symbol> = new Set(["response", "upgrade", "connect", "error", "close"]);
