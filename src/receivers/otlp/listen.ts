import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { endpointUrl, toEndpoint } from "../../config/endpoint.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How long a client may take for the TLS handshake: not longer than for what comes after it. */
export function handshakeTimeoutMs(nextTimeoutMs: number): number {
  return Math.min(HANDSHAKE_TIMEOUT_MS, nextTimeoutMs);
}

/**
 * The open connections of a server, kept up to date: also those that are still in their TLS handshake, which no other server's list
 * has. Before it listens.
 */
export function connectionsOf(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return open;
}

/** Listens, and says where as a URL. Rejects, naming the setting, when it can't (the port is taken). */
export async function listen(options: {
  readonly server: Server;
  readonly protocol: "http" | "grpc";
  readonly endpoint: string;
  readonly isTls: boolean;
}): Promise<string> {
  const { server, protocol, isTls } = options;
  const { host, port } = toEndpoint(options.endpoint);
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const key = `receivers.otlp.protocols.${protocol}.endpoint`;
    throw new Error(`\`${key}\`: cannot listen on ${options.endpoint}: ${reason}`, { cause: error });
  }
  return endpointUrl({ host, port: (server.address() as AddressInfo).port }, isTls ? "https" : "http");
}
