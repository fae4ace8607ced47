/**
 * Puts the gate into sockets of `ws` that are opened to a realtime API: by the function that every client of the package starts
 * with, so that it does not matter which library opened it (`openai/realtime/ws`, `@openai/agents`, the app). Other sockets are
 * left alone; the wire sees where they go.
 */
import type { Gate } from "../gate/gate.ts";
import { registeredGate } from "../gate/registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import { Fragments } from "./fragments.ts";
import { gateSend } from "./gated-send.ts";
import type { SendingSocket } from "./gated-send.ts";
import { Opening, openSession, realtimeUrl } from "./open-session.ts";
import { Outbox } from "./outbox.ts";

interface Socket extends SendingSocket {
  emit: (name: string | symbol, ...args: unknown[]) => boolean;
}

/** Sockets that are watched, and how each is opened at last: a redirect opens the same one again. */
const openings = new WeakMap<Socket, Opening>();

/** False for a version that lacks the place. */
export function patchWs(functions: LoadedFunctions): boolean {
  return replaceFunction(functions, "initAsClient", (init) => (...given) => {
    const gate = registeredGate();
    const [socket, address] = given;
    const url = gate === undefined ? null : realtimeUrl(address);
    if (gate === undefined || url === null) return init(...given);
    const opening = new Opening();
    const isWatched = openings.has(socket as Socket);
    openings.set(socket as Socket, opening);
    if (!isWatched) watch(gate, socket as Socket, url);
    return opening.run(() => init(...given));
  });
}

function watch(gate: Gate, socket: Socket, url: URL): void {
  const fragments = new Fragments();
  const outbox = new Outbox({
    take: (part, rest) => {
      const whole = fragments.add(part, rest);
      if (whole === undefined) return;
      const { sent, options, callback } = whole;
      const text = sent.toString();
      session.outgoing(
        text,
        (admitted) => send.call(socket, admitted === text ? sent : admitted, options, callback),
        (error) => callback?.(error),
      );
    },
    // As the package does.
    convert: (data) => (typeof data === "number" ? String(data) : Buffer.from((data || "") as string)),
  });
  const send = gateSend(socket, (data, ...rest) => outbox.put(data, ...rest));
  const { emit } = socket;
  const session = openSession(gate, {
    url,
    send: (text) => send.call(socket, text),
    receive: (text) => void emit.call(socket, "message", Buffer.from(text), false),
  });
  const value: Socket["emit"] = (name, ...args) => {
    openings.get(socket)?.end();
    if (name === "message" && args[1] !== true) session.incoming(String(args[0]));
    if (name === "close") session.closed();
    return emit.call(socket, name, ...args);
  };
  Object.defineProperty(socket, "emit", { value, writable: true, configurable: true, enumerable: false });
}
