/**
 * Puts the gate into Node's own sockets that are opened to a realtime API (`openai/realtime/websocket`, an app's own). Its listener is
 * the first of each, so that the gate knows what the provider says before the app does.
 */
import { registeredGate } from "../gate/registry.ts";
import type { Gate } from "../gate/gate.ts";
import { replace } from "../stainless/patch-client.ts";
import { inOpening, openSession, realtimeUrl, withText } from "./open-session.ts";

type Send = (this: WebSocket, data: Parameters<WebSocket["send"]>[0]) => void;

const sends = new WeakMap<WebSocket, Send>();

export function makeGatedSocket(make: () => WebSocket, address: unknown): WebSocket {
  const gate = registeredGate();
  const url = gate === undefined ? null : realtimeUrl(address);
  if (gate === undefined || url === null) return make();
  const socket = inOpening(make);
  watch(gate, socket, url);
  return socket;
}

function watch(gate: Gate, socket: WebSocket, url: URL): void {
  const send = originalSend(socket);
  const session = openSession(gate, {
    url,
    send: (text) => send.call(socket, text),
    receive: (data) => void socket.dispatchEvent(new MessageEvent("message", { data, origin: url.origin })),
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") session.incoming(data);
  });
  socket.addEventListener("close", () => session.closed());
  sends.set(socket, (data) =>
    withText(data, (text) =>
      session.outgoing(
        text,
        (sent) => send.call(socket, sent === text ? data : sent),
        () => {},
      ),
    ),
  );
}

let original: Send | undefined;

/** Puts ours in its place, once: in the prototype, where Node has it. */
function originalSend(socket: WebSocket): Send {
  if (original !== undefined) return original;
  const prototype = ownerOf(socket);
  const { send } = prototype;
  original = send;
  replace(prototype, "send", function (this: WebSocket, ...given) {
    const gated = this.readyState === this.CONNECTING ? undefined : sends.get(this);
    return gated === undefined ? send.apply(this, given) : gated.apply(this, given);
  });
  return send;
}

/** The app may have a class of its own over it. */
function ownerOf(socket: WebSocket): { send: Send } {
  let owner = Object.getPrototypeOf(socket) as { send: Send };
  while (!Object.hasOwn(owner, "send")) owner = Object.getPrototypeOf(owner) as { send: Send };
  return owner;
}
