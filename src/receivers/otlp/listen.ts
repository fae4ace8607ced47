import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { endpointUrl, toEndpoint } from "../../config/endpoint.ts";

/** How long a client may take for the TLS handshake. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

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
