/** Who may ask the embedded engine, and as what: Basic auth, `X-ClickHouse-User`/`-Key`, or `user`/`password` in the URL. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { EngineError } from "./engine-error.ts";

/** A user of the embedded engine. Without `password`, any password is taken: for loopback only. */
export interface EngineUser {
  readonly name: string;
  readonly password?: string;
  /** May only read, and not change that. @default false */
  readonly isReadOnly?: boolean;
}

/** @throws EngineError AUTHENTICATION_FAILED, the same for an unknown user as for a wrong password. */
export function authenticate(users: readonly EngineUser[], url: URL, headers: IncomingHttpHeaders): EngineUser {
  const { name, password } = readCredentials(url, headers);
  const user = users.find((candidate) => candidate.name === name);
  // Compared even for an unknown user, so that time does not tell which names exist.
  const isRight = timingSafeEqual(digest(user?.password ?? password), digest(password));
  if (user === undefined || !isRight) {
    const detail = `${name}: Authentication failed: password is incorrect, or there is no user with such name`;
    throw new EngineError({ code: 516, name: "AUTHENTICATION_FAILED", detail });
  }
  if (user.password === undefined && !isAddress(headers.host)) {
    const detail = `${name}: a user without a password is served by address or as localhost, not as ${headers.host}`;
    throw new EngineError({ code: 516, name: "AUTHENTICATION_FAILED", detail });
  }
  return user;
}

/**
 * Whether a request's Host is an address, localhost or missing. A web page in a browser on this machine may give its own
 * name the address of this one and read what it likes, but the name stays in the request.
 */
function isAddress(host: string | undefined): boolean {
  if (host === undefined || host === "") return true;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}

function readCredentials(url: URL, headers: IncomingHttpHeaders): { readonly name: string; readonly password: string } {
  const headerUser = headers["x-clickhouse-user"];
  const headerKey = headers["x-clickhouse-key"];
  if (typeof headerUser === "string" || typeof headerKey === "string") {
    return { name: String(headerUser ?? "default"), password: String(headerKey ?? "") };
  }
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? "")?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return colon < 0
      ? { name: text, password: "" }
      : { name: text.slice(0, colon) || "default", password: text.slice(colon + 1) };
  }
  return { name: url.searchParams.get("user") ?? "default", password: url.searchParams.get("password") ?? "" };
}

function digest(value: string): Buffer {
  return createHash("sha256").update(value).digest();
}
