/**
 * Endpoints as an allow-list names them: `api.example.com`, `*.corp.example`, `https://api.example.com/v1/*`,
 * `127.0.0.1:8080`, and each with a method before it: `GET api.example.com/v1/*`. Pure.
 */
const PATTERN =
  /^(?:([A-Z]+|\*)\s+)?(?:(https?):\/\/)?(\[[0-9A-Fa-f:*]+\]|[A-Za-z0-9.*_-]+)(?::(\d{1,5}|\*))?(\/\S*)?$/;
const PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

export interface EndpointPattern {
  readonly text: string;
  /** `*`: any. */
  readonly method: string;
  matches(method: string, url: URL): boolean;
}

/** `undefined`: not a pattern of an endpoint. */
export function parseEndpointPattern(text: string): EndpointPattern | undefined {
  const [, method = "*", scheme, host, port, path] = PATTERN.exec(text.trim()) ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  const hosts = glob(host, "i");
  // A path without a star is that path and what is below it.
  const paths = path === undefined || path === "/" ? undefined : glob(path.endsWith("/") ? `${path}*` : path, "");
  const below = path === undefined || path.includes("*") ? undefined : `${path.replace(/\/+$/, "")}/`;
  return {
    text,
    method,
    matches(asked, url) {
      if (method !== "*" && method !== asked.toUpperCase()) return false;
      if (scheme !== undefined && url.protocol !== `${scheme}:`) return false;
      if (!hosts.test(url.hostname)) return false;
      if (port !== "*" && !isPort(port, scheme, url)) return false;
      return paths === undefined || paths.test(url.pathname) || (below !== undefined && url.pathname.startsWith(below));
    },
  };
}

/** A pattern without a port means the port of its scheme, or of either. */
function isPort(port: string | undefined, scheme: string | undefined, url: URL): boolean {
  const standard = PORTS[url.protocol];
  const asked = url.port === "" ? standard : url.port;
  return asked === (port ?? (scheme === undefined ? standard : PORTS[`${scheme}:`]));
}

function glob(text: string, flags: string): RegExp {
  const escaped = text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`, flags);
}
