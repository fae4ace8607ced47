/**
 * Puts the gate into Node's own sockets that are opened to a realtime API (`openai/realtime/websocket`, an app's own). Its listener is
 * the first of each, so that the gate knows what the provider says before the app does.
 */
import { registeredGate } from "../gate/registry.ts";
import type { Gate } from "../gate/gate.ts";
import { gateSend } from "./gated-send.ts";
import { Opening, openSession, realtimeUrl } from "./open-session.ts";
import { Outbox } from "./outbox.ts";

export function makeGatedSocket(make: () => WebSocket, address: unknown): WebSocket {
  const gate = registeredGate();
  const url = gate === undefined ? null : realtimeUrl(address);
  if (gate === undefined || url === null) return make();
  const opening = new Opening();
  const socket = opening.run(make);
  for (const end of ["open", "error", "close"]) socket.addEventListener(end, () => opening.end());
  watch(gate, socket, url);
  return socket;
}

function watch(gate: Gate, socket: WebSocket, url: URL): void {
  /** What we told the app is none of the provider's. */
  const ours = new WeakSet<Event>();
  const outbox = new Outbox({
    take: (sent) => {
      const text = sent.toString();
      session.outgoing(
        text,
        (admitted) => send.call(socket, admitted === text ? sent : admitted),
        () => {},
      );
    },
    // As the class itself does: https://webidl.spec.whatwg.org/#es-union
    convert: (data) => `${data as string}`,
  });
  const send = gateSend(socket, (data) => outbox.put(data));
  const session = openSession(gate, {
    url,
    send: (text) => send.call(socket, text),
    receive: (data) => {
      const event = new MessageEvent("message", { data, origin: url.origin });
      ours.add(event);
      socket.dispatchEvent(event);
    },
  });
  socket.addEventListener("message", (event) => {
    if (typeof event.data === "string" && !ours.has(event)) session.incoming(event.data);
  });
  socket.addEventListener("close", () => session.closed());
}
