import { isIP } from "node:net";
import { z } from "zod";

/** Where to listen. Port 0 picks a free one. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const ENDPOINT = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>\d{1,5})$/;

/** Reads `host:port` or `[ipv6]:port`; `undefined` for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const groups = ENDPOINT.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const host = groups["ipv6"] ?? groups["host"] ?? "";
  const port = Number(groups["port"]);
  if (port > 65_535) return undefined;
  if (groups["ipv6"] !== undefined && isIP(host) !== 6) return undefined;
  return { host, port };
}

/** `host:port` to listen on, as a validated string: `parseEndpoint` never fails on it. */
export const endpointSchema = z.string().refine((text) => parseEndpoint(text) !== undefined, {
  error: "expected `host:port` (`127.0.0.1:4318`, `[::1]:4318`; port 0 picks a free one)",
});

/** `endpointSchema` with a default. The one way components declare where they listen. */
export function endpointDefault(text: string): z.ZodDefault<typeof endpointSchema> {
  return endpointSchema.default(text);
}

/** For strings that went through `endpointSchema`. Throws `TypeError` for others. */
export function toEndpoint(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) throw new TypeError(`not an endpoint: ${text}`);
  return endpoint;
}

/** True when only this machine can connect. A name other than `localhost` counts as reachable: who knows where it points. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** `http://host:port`, with brackets around IPv6. */
export function httpUrl(endpoint: Endpoint): string {
  return endpointUrl(endpoint, "http");
}

/** `scheme://host:port`, with brackets around IPv6. */
export function endpointUrl(endpoint: Endpoint, scheme: "http" | "https"): string {
  const host = isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host;
  return `${scheme}://${host}:${endpoint.port}`;
}
