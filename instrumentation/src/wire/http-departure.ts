/** When requests of `node:http` and `node:http2` begin to leave: their socket is connected, and its other end is who it should be. */
import type { ClientRequest } from "node:http";
import type { ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Departure } from "../gate/departure.ts";

/** Before anything is written to `request`. `undefined`: nobody asks. */
export function tellDeparture(request: ClientRequest, departure: Departure | undefined): void {
  if (departure === undefined) return;
  departure.await();
  const begin = (): void => beginOf(request, departure);
  const onSocket = (socket: Socket): void => {
    const { encrypted, secureConnecting } = socket as Socket & TlsState;
    // Another stream in its place may send whatever it says of itself.
    const isWaiting = isSocket(socket) && (socket.connecting || secureConnecting === true);
    if (!isWaiting) begin();
    else if (encrypted !== true) socket.once("connect", begin);
    // Not `secureConnect`, which only `tls.connect` tells: who makes a socket of the class by hand sends without it.
    else socket.once("secure", () => void (socket.destroyed || begin()));
  };
  const { socket } = request as { readonly socket: Socket | null };
  if (socket === null) request.prependOnceListener("socket", onSocket);
  else onSocket(socket);
}

function isSocket(stream: object): boolean {
  return stream instanceof process.getBuiltinModule("node:net").Socket;
}

/** Of the sockets of `node:tls` alone. */
interface TlsState {
  readonly encrypted?: boolean;
  readonly secureConnecting?: boolean;
}

/** As {@link tellDeparture}. */
export function tellStreamsDeparture(stream: ClientHttp2Stream, departure: Departure | undefined): void {
  if (departure === undefined) return;
  departure.await();
  const { session } = stream;
  if (session?.connecting === true) session.once("connect", () => beginOf(stream, departure));
  else beginOf(stream, departure);
}

function beginOf(request: ClientRequest | ClientHttp2Stream, departure: Departure): void {
  if (!departure.begin()) request.destroy(new Error("it was given up before it was sent"));
}
