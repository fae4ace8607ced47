/** Puts the gate into the `send` of sockets: where their class has it, so that subclasses and calls by hand go through it too. */
import { replace } from "../stainless/patch-client.ts";

export interface SendingSocket {
  readonly readyState: number;
  send(data: unknown, ...rest: unknown[]): void;
}

type Send = (this: SendingSocket, data: unknown, ...rest: unknown[]) => void;

/** https://websockets.spec.whatwg.org/#dom-websocket-readystate */
const CONNECTING = 0;

const originals = new WeakMap<object, Send>();
const gatedSends = new WeakMap<SendingSocket, Send>();

/** From now on `gated` is called for what the socket is to send. The class's own way to send it. */
export function gateSend(socket: SendingSocket, gated: Send): Send {
  const prototype = ownerOf(socket);
  let original = originals.get(prototype);
  if (original === undefined) {
    original = Reflect.get(prototype, "send") as Send;
    originals.set(prototype, original);
    patch(prototype, original);
  }
  gatedSends.set(socket, gated);
  return original;
}

function patch(prototype: SendingSocket, original: Send): void {
  replace(prototype, "send", function (this: SendingSocket, ...given) {
    const gated = gatedSends.get(this);
    // Too early, or nothing at all: the class says so by itself, and sends nothing.
    const isSent = gated !== undefined && given.length > 0 && this.readyState !== CONNECTING;
    return isSent ? gated.apply(this, given) : original.apply(this, given);
  });
}

/** Below all that an app may have made of it. */
function ownerOf(socket: SendingSocket): SendingSocket {
  let owner = socket;
  for (let next = socket; next !== null; next = Object.getPrototypeOf(next) as SendingSocket)
    if (Object.hasOwn(next, "send")) owner = next;
  return owner;
}
