/**
 * The class of `node:http2`'s sessions, which the module does not give out, and where a session leads. Light: an app that registers itself
 * after it has loaded the module needs it at once.
 */
import type { ClientHttp2Session } from "node:http2";
import { Duplex } from "node:stream";

/** Where `request` of all sessions is; `undefined`: this Node has it differently. */
export function sessionPrototype(): object | undefined {
  const { connect } = process.getBuiltinModule("node:http2");
  try {
    const options = {
      createConnection: () => new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() }),
    };
    const session = connect("http://localhost", options);
    session.on("error", () => {});
    session.destroy();
    return ownerOfRequest(session);
  } catch {
    return undefined;
  }
}

export function ownerOfRequest(session: object): object | undefined {
  let owner: object | null = session;
  while (owner !== null && !Object.hasOwn(owner, "request")) owner = Object.getPrototypeOf(owner) as object | null;
  return owner ?? undefined;
}

/** Where a session leads, as it was told when it was opened: it keeps that under symbols. */
export function originOf(session: ClientHttp2Session): string | undefined {
  const [authority, protocol] = [textUnder(session, "authority"), textUnder(session, "protocol")];
  if (authority === undefined) return undefined;
  return URL.parse(`${protocol ?? (session.encrypted === true ? "https:" : "http:")}//${authority}`)?.origin;
}

function textUnder(session: ClientHttp2Session, description: string): string | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find((key) => key.description === description);
  const value = symbol === undefined ? undefined : (session as unknown as Readonly<Record<symbol, unknown>>)[symbol];
  return typeof value === "string" ? value : undefined;
}
