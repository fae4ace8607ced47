/**
 * Puts the gate into sockets of `ws` that are opened to a realtime API: by the function that every client of the package starts
 * with, so that it does not matter which library opened it (`openai/realtime/ws`, `@openai/agents`, the app). Other sockets are
 * left alone; the wire sees where they go.
 */
import type { Gate } from "../gate/gate.ts";
import { registeredGate } from "../gate/registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import { inOpening, openSession, realtimeUrl, withText } from "./open-session.ts";

interface Socket {
  send: (data: unknown, ...rest: unknown[]) => void;
  emit: (name: string | symbol, ...args: unknown[]) => boolean;
}

const watched = new WeakSet<Socket>();

/** False for a version that lacks the place. */
export function patchWs(functions: LoadedFunctions): boolean {
  return replaceFunction(functions, "initAsClient", (init) => (...given) => {
    const gate = registeredGate();
    const [socket, address] = given;
    const url = gate === undefined ? null : realtimeUrl(address);
    if (gate === undefined || url === null) return init(...given);
    watch(gate, socket as Socket, url);
    return inOpening(() => init(...given));
  });
}

function watch(gate: Gate, socket: Socket, url: URL): void {
  // A redirect opens the same socket again.
  if (watched.has(socket)) return;
  watched.add(socket);
  const { send, emit } = socket;
  const session = openSession(gate, {
    url,
    send: (text) => send.call(socket, text),
    receive: (text) => void emit.call(socket, "message", Buffer.from(text), false),
  });
  own(socket, "send", (data, ...rest) => {
    const callback = rest.findLast((value) => typeof value === "function") as ((error?: unknown) => void) | undefined;
    withText(data, (text) =>
      session.outgoing(
        text,
        (sent) => send.call(socket, sent === text ? data : sent, ...rest),
        (error) => callback?.(error),
      ),
    );
  });
  own(socket, "emit", (name, ...args) => {
    if (name === "message" && args[1] !== true) session.incoming(String(args[0]));
    if (name === "close") session.closed();
    return emit.call(socket, name, ...args);
  });
}

function own<K extends keyof Socket>(socket: Socket, name: K, value: Socket[K]): void {
  Object.defineProperty(socket, name, { value, writable: true, configurable: true, enumerable: false });
}
