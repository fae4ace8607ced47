/**
 * Goal: certificates that are renewed on disk are in force for new connections, and nothing that happens to the files in between
 * costs anybody a connection.
 * Method: a receiver with TLS on both protocols, real handshakes; files replaced as those who renew them do: renamed over the old
 * ones, written in place, or behind a link that is turned, as Kubernetes mounts them.
 */
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Certificate, createAuthority } from "../../support/certificates.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const authority = createAuthority("test authority");
const successor = createAuthority("the next authority");
const TLS = { cert_file: "live/server.pem", key_file: "live/server-key.pem" } as const;
const MUTUAL = { ...TLS, client_ca_file: "live/ca.pem" } as const;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-certificates-"));
  await mkdir(join(directory, "live"));
  await put(authority.issue("first"));
  await writeFile(join(directory, "live/ca.pem"), authority.cert);
});
afterEach(async () => {
  await stopReceivers();
  await rm(directory, { recursive: true });
});

async function put({ cert, key }: Certificate, folder = "live"): Promise<void> {
  await writeFile(join(directory, folder, "server.pem"), cert);
  await writeFile(join(directory, folder, "server-key.pem"), key);
}

/** Renamed over the old one: nobody reads half of it. */
async function swap(file: string, text: string): Promise<void> {
  await writeFile(join(directory, "next"), text);
  await rename(join(directory, "next"), join(directory, "live", file));
}

const start = (tls: object): Promise<Rig> => startReceiver({ directory, http: { tls }, grpc: { tls } });

async function told(rig: Rig, event: string, count: number): Promise<void> {
  while (rig.notices.filter((notice) => notice.event === event).length < count) await new Promise(setImmediate);
}

async function shake(url: string | undefined, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url ?? "");
  const ca = [authority.cert, successor.cert];
  const socket = connect({ host: hostname, port: Number(port), ca, ALPNProtocols: ["h2", "http/1.1"], ...options });
  await once(socket, "secureConnect");
  return socket;
}

/** The names of the certificates that a new connection is shown by HTTP and by gRPC. */
async function shown(rig: Rig): Promise<readonly unknown[]> {
  const names: unknown[] = [];
  for (const url of [rig.receiver.httpUrl, rig.receiver.grpcUrl]) {
    const socket = await shake(url);
    names.push(socket.getPeerCertificate().subject.CN);
    socket.destroy();
  }
  return names;
}

describe("a certificate that is replaced", () => {
  it("is in force for new connections, once for each protocol, and those that are there go on", async () => {
    const rig = await start(TLS);
    expect(await shown(rig)).toEqual(["first", "first"]);
    const open = await Promise.all([rig.receiver.httpUrl, rig.receiver.grpcUrl].map((url) => shake(url)));
    const next = authority.issue("second");
    await swap("server.pem", next.cert);
    await swap("server-key.pem", next.key);
    await told(rig, "otlp_certificate_replaced", 2);
    expect(await shown(rig)).toEqual(["second", "second"]);
    expect(open.map((socket) => socket.closed)).toEqual([false, false]);
    const third = authority.issue("third");
    await put(third);
    await told(rig, "otlp_certificate_replaced", 4);
    expect(await shown(rig)).toEqual(["third", "third"]);
    for (const socket of open) socket.destroy();
  });

  it("may be behind a link that is turned, as a secret is mounted", async () => {
    await rm(join(directory, "live"), { recursive: true });
    await mkdir(join(directory, "live"));
    for (const folder of ["of-today", "of-tomorrow"]) {
      await mkdir(join(directory, "live", folder));
      await put(authority.issue(folder), `live/${folder}`);
    }
    await symlink("of-today", join(directory, "live/..data"));
    for (const file of ["server.pem", "server-key.pem"]) {
      await symlink(`..data/${file}`, join(directory, "live", file));
    }
    const rig = await start(TLS);
    expect(await shown(rig)).toEqual(["of-today", "of-today"]);
    await symlink("of-tomorrow", join(directory, "live/..data_tmp"));
    await rename(join(directory, "live/..data_tmp"), join(directory, "live/..data"));
    await told(rig, "otlp_certificate_replaced", 2);
    expect(await shown(rig)).toEqual(["of-tomorrow", "of-tomorrow"]);
  });

  it("stays as it was while its key is another's, is rubbish or gone, which is told by its key in the configuration", async () => {
    const rig = await start(TLS);
    const next = authority.issue("second");
    await swap("server.pem", next.cert);
    await told(rig, "otlp_certificate_not_replaced", 2);
    expect(await shown(rig)).toEqual(["first", "first"]);
    await rm(join(directory, "live/server-key.pem"));
    await told(rig, "otlp_certificate_not_replaced", 4);
    await swap("server-key.pem", "rubbish");
    await told(rig, "otlp_certificate_not_replaced", 6);
    expect(await shown(rig)).toEqual(["first", "first"]);
    const reasons = rig.notices.map(({ fields }) => fields["reason"]);
    for (const [index, reason] of ["key values mismatch", "no such file", ""].entries()) {
      for (const protocol of ["http", "grpc"]) {
        const said = `\`receivers.otlp.protocols.${protocol}.tls.key_file\`: ${reason}`;
        expect(reasons.slice(2 * index, 2 * index + 2)).toContainEqual(expect.stringContaining(said));
      }
    }
    await swap("server-key.pem", next.key);
    await told(rig, "otlp_certificate_replaced", 2);
    expect(await shown(rig)).toEqual(["second", "second"]);
    expect(JSON.stringify(rig.notices)).not.toContain("PRIVATE");
  });
});

describe("an authority of clients that is replaced", () => {
  /** A client's word of how its handshake ended: TLS 1.3 lets it believe that it is done before the server has looked. */
  async function greeted(url: string | undefined, options: ConnectionOptions): Promise<"taken" | "refused"> {
    const { hostname, port } = new URL(url ?? "");
    const socket = connect({ host: hostname, port: Number(port), ca: authority.cert, ...options });
    const ended = new Promise<"refused">((resolve) => {
      socket.once("error", () => resolve("refused")).once("close", () => resolve("refused"));
    });
    // What the server sends first comes after it has looked: a ticket in TLS 1.3.
    const taken = once(socket, "session").then(() => "taken" as const);
    taken.catch(() => undefined);
    const outcome = await Promise.race([taken, ended]);
    socket.destroy();
    return outcome;
  }

  it("lets nobody in whom the old one vouched for, not by a session that began under it either", async () => {
    const rig = await start(MUTUAL);
    const old = authority.issue("old client");
    const young = successor.issue("young client");
    for (const url of [rig.receiver.httpUrl, rig.receiver.grpcUrl]) {
      expect([await greeted(url, old), await greeted(url, young)]).toEqual(["taken", "refused"]);
    }
    const sessions = await Promise.all(
      [rig.receiver.httpUrl, rig.receiver.grpcUrl].map(async (url) => {
        const socket = await shake(url, old);
        const [session] = (await once(socket, "session")) as [Buffer];
        socket.destroy();
        return { url, session };
      }),
    );
    await swap("ca.pem", successor.cert);
    await told(rig, "otlp_certificate_replaced", 2);
    for (const { url, session } of sessions) {
      expect(await greeted(url, old)).toBe("refused");
      expect(await greeted(url, { ...old, session })).toBe("refused");
      expect(await greeted(url, young)).toBe("taken");
    }
  });
});
