/**
 * Goal: spans go to nobody whose certificate is not trusted, and the backend learns who sends when it asks.
 * Method: certificates made for this run, real connections, both protocols.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";
import { createAuthority } from "../../support/certificates.ts";
import { type OtlpRig, drained, eventually, startOtlp, stopOtlp } from "./otlp-rig.ts";

const authority = createAuthority("test authority");
const stranger = createAuthority("another authority");
const server = authority.issue("server");
// The endpoint is an IP address, which must not be a server name (RFC 6066).
const NAMED = { server_name_override: "localhost" } as const;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-otlp-tls-"));
  const client = authority.issue("tollgate");
  await writeFile(join(directory, "ca.pem"), authority.cert);
  await writeFile(join(directory, "other-ca.pem"), stranger.cert);
  await writeFile(join(directory, "client.pem"), client.cert);
  await writeFile(join(directory, "client-key.pem"), client.key);
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(stopOtlp);

const batch = makeBatch([makeSpan(1)]);

async function start(
  protocol: "http" | "grpc",
  options: { readonly tls: object; readonly ca?: string },
): Promise<OtlpRig> {
  const { tls, ca } = options;
  return startOtlp({
    protocol,
    tls: { ...server, ...(ca === undefined ? {} : { ca }) },
    config: { tls: { ...NAMED, ...tls } },
    configDirectory: directory,
  });
}

/** Why the span was not sent; it still waits. */
async function failureOf(rig: OtlpRig): Promise<string> {
  await rig.exporter.consume(batch);
  await eventually(() => rig.notices.some(({ event }) => event === "forward_failed"), "a failure");
  if (rig.backend.requests.length > 0 || rig.exporter.stats().inFlight !== 1) throw new Error("the span was sent");
  return String(rig.notices.find(({ event }) => event === "forward_failed")?.fields["reason"]);
}

describe.each(["http", "grpc"] as const)("over %s with TLS", (protocol) => {
  it("sends to a server of an authority it is told to trust", async () => {
    const rig = await start(protocol, { tls: { ca_file: "ca.pem" } });
    await rig.exporter.consume(batch);
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(1);
  });

  it("sends nothing to a server of another authority, and goes on trying", async () => {
    const rig = await start(protocol, { tls: { ca_file: "other-ca.pem" } });
    expect(await failureOf(rig)).toMatch(/certificate|UNAVAILABLE/);
  });

  it("sends nothing to a server with another name", async () => {
    const rig = await start(protocol, { tls: { ca_file: "ca.pem", server_name_override: "tempo.example.com" } });
    expect(await failureOf(rig)).toMatch(/altname|UNAVAILABLE/);
  });

  it("takes any certificate when it is told to", async () => {
    const rig = await start(protocol, { tls: { insecure_skip_verify: true } });
    await rig.exporter.consume(batch);
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(1);
  });

  it("shows its own certificate to a server that asks for one", async () => {
    const tls = { ca_file: "ca.pem", cert_file: "client.pem", key_file: "client-key.pem" };
    const rig = await start(protocol, { tls, ca: authority.cert });
    await rig.exporter.consume(batch);
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(1);
  });

  it("is not let in without one", async () => {
    const rig = await start(protocol, { tls: { ca_file: "ca.pem" }, ca: authority.cert });
    expect(await failureOf(rig)).not.toBe("");
  });

  it("does not start when a file is not there, and names the setting", async () => {
    await expect(start(protocol, { tls: { ca_file: "none.pem" } })).rejects.toThrow(
      "`exporters.otlp/test.tls.ca_file`: no such file",
    );
  });
});
