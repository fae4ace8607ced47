/**
 * Goal: with `tls`, both protocols talk to nobody in plain text, and with `client_ca_file` to nobody without a certificate
 * of that authority.
 * Method: certificates made for this run, real connections.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { ChannelCredentials } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Certificate, createAuthority } from "../../support/certificates.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
const authority = createAuthority("test authority");
const stranger = createAuthority("another authority");
const client = authority.issue("client");
const strangersClient = stranger.issue("client");
const expiredClient = authority.issue("client", { isExpired: true });

const TLS = { cert_file: "server.pem", key_file: "server-key.pem" } as const;
const MUTUAL = { ...TLS, client_ca_file: "ca.pem" } as const;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-tls-"));
  const server = authority.issue("server");
  await writeFile(join(directory, "server.pem"), server.cert);
  await writeFile(join(directory, "server-key.pem"), server.key);
  await writeFile(join(directory, "other-key.pem"), authority.issue("other").key);
  await writeFile(join(directory, "ca.pem"), authority.cert);
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(stopReceivers);

function start(tls: object): Promise<Rig> {
  return startReceiver({ directory, http: { tls }, grpc: { tls } });
}

/** The HTTP status, or the code of the error that kept it from coming. */
async function postHttps(rig: Rig, options: { ca?: string; identity?: Certificate } = {}): Promise<number | string> {
  const { ca = authority.cert, identity } = options;
  const sent = request(`${rig.receiver.httpUrl}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    ca,
    agent: false,
    ...identity,
  });
  sent.end(sdkProtobuf);
  try {
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "failed";
  }
}

async function callGrpc(rig: Rig, options: { ca?: string; identity?: Certificate } = {}): Promise<string> {
  const { ca = authority.cert, identity } = options;
  const credentials = ChannelCredentials.createSsl(
    Buffer.from(ca),
    identity === undefined ? null : Buffer.from(identity.key),
    identity === undefined ? null : Buffer.from(identity.cert),
  );
  const sender = new GrpcSender(rig.receiver.grpcUrl, { credentials });
  const { status } = await sender.send(sdkProtobuf);
  sender.close();
  return status;
}

describe("tls", () => {
  it("serves both protocols to those who trust the authority, and says so in its URLs", async () => {
    const rig = await start(TLS);
    expect([rig.receiver.httpUrl, rig.receiver.grpcUrl]).toEqual([
      expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
    ]);
    expect([await postHttps(rig), await callGrpc(rig)]).toEqual([200, "OK"]);
    expect(rig.batches).toHaveLength(2);
  });

  it("shows its certificate to those who trust another authority, who then leave", async () => {
    const rig = await start(TLS);
    const ca = stranger.cert;
    expect(await postHttps(rig, { ca })).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/);
    expect(await callGrpc(rig, { ca })).toBe("UNAVAILABLE");
    expect(rig.batches).toEqual([]);
  });

  it("does not answer plain text", async () => {
    const rig = await start(TLS);
    await expect(fetch((rig.receiver.httpUrl ?? "").replace("https", "http"))).rejects.toThrow("fetch failed");
    const sender = new GrpcSender(rig.receiver.grpcUrl);
    expect((await sender.send(sdkProtobuf)).status).toBe("UNAVAILABLE");
    sender.close();
    expect(rig.batches).toEqual([]);
  });

  it.each(["TLSv1", "TLSv1.1"] as const)("does not speak %s", async (version) => {
    const rig = await start(TLS);
    for (const url of [rig.receiver.httpUrl, rig.receiver.grpcUrl]) {
      const { hostname, port } = new URL(url ?? "");
      const socket = connectTls({
        host: hostname,
        port: Number(port),
        ca: authority.cert,
        minVersion: version,
        maxVersion: version,
        // OpenSSL's own default forbids these versions on the client's side already.
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      const [error] = (await once(socket, "error")) as [Error];
      expect(error.message).toMatch(/alert protocol version|unsupported protocol/i);
    }
  });
});

describe("tls with client_ca_file", () => {
  it("serves those who show a certificate of the authority", async () => {
    const rig = await start(MUTUAL);
    expect([await postHttps(rig, { identity: client }), await callGrpc(rig, { identity: client })]).toEqual([
      200,
      "OK",
    ]);
  });

  it.each([
    ["no certificate", undefined],
    ["a certificate of another authority", strangersClient],
    ["a certificate whose time is over", expiredClient],
  ])("refuses those with %s, before anything is read", async (_what, identity) => {
    const rig = await start(MUTUAL);
    const shown = identity === undefined ? {} : { identity };
    expect(await postHttps(rig, shown)).toBeTypeOf("string");
    expect(await callGrpc(rig, shown)).toBe("UNAVAILABLE");
    expect(rig.batches).toEqual([]);
    expect(rig.receiver.stats()).toMatchObject({ answers: {}, grpcAnswers: {} });
  });
});

describe("a TLS handshake that never ends", () => {
  const STARTS: readonly (readonly [string, Buffer])[] = [
    ["nothing", Buffer.alloc(0)],
    ["half of a hello", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc])],
  ];

  async function say(url: string | undefined, bytes: Buffer): Promise<Socket> {
    const { hostname, port } = new URL(url ?? "");
    const socket = connect(Number(port), hostname).on("error", () => {});
    await once(socket, "connect");
    socket.write(bytes);
    return socket.resume();
  }

  it.each(STARTS)("is given up after %s, and its place is another's", async (_what, bytes) => {
    const rig = await startReceiver({
      directory,
      http: { tls: TLS, connections_max: 1, header_timeout_ms: 300 },
      grpc: { tls: TLS, connections_max: 1, request_timeout_ms: 300 },
    });
    const silent = [await say(rig.receiver.httpUrl, bytes), await say(rig.receiver.grpcUrl, bytes)];
    await Promise.all(silent.map((socket) => once(socket, "close")));
    expect([await postHttps(rig), await callGrpc(rig)]).toEqual([200, "OK"]);
  });

  it("does not hold up a stop", async () => {
    const clock = new ManualClock();
    const rig = await startReceiver({ directory, clock, http: { tls: TLS }, grpc: { tls: TLS } });
    const silent = [await say(rig.receiver.httpUrl, Buffer.alloc(0)), await say(rig.receiver.grpcUrl, Buffer.alloc(0))];
    // Connections are taken in their order: what an answer comes after is there.
    expect([await postHttps(rig), await callGrpc(rig)]).toEqual([200, "OK"]);
    const closed = silent.map((socket) => once(socket, "close"));
    const stopped = rig.receiver.stop();
    while (clock.pending < 2) await new Promise(setImmediate);
    clock.advance(60_000);
    await Promise.all([stopped, ...closed]);
  });
});

describe("files that can't be used", () => {
  it.each([
    ["is missing", { ...TLS, cert_file: "nowhere.pem" }, "cert_file", "no such file"],
    ["is no certificate", { ...TLS, cert_file: "server-key.pem" }, "cert_file", "no start line"],
    ["belongs to another certificate", { ...TLS, key_file: "other-key.pem" }, "key_file", "key values mismatch"],
    ["is no authority", { ...TLS, client_ca_file: "server-key.pem" }, "client_ca_file", "no start line"],
    ["is an authority that is missing", { ...TLS, client_ca_file: "nowhere.pem" }, "client_ca_file", "no such file"],
  ])("one that %s is named by its key", async (_what, tls, key, reason) => {
    const failed = startReceiver({ directory, grpc: { tls } });
    await expect(failed).rejects.toThrow(`\`receivers.otlp.protocols.grpc.tls.${key}\`: ${reason}`);
  });
});
