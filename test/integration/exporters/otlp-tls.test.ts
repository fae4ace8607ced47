/**
 * Goal: spans go to nobody whose certificate is not trusted, and the backend learns who sends when it asks.
 * Method: certificates made for this run, real connections, both protocols; files are replaced as those who renew them do.
 */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";
import { type Certificate, createAuthority } from "../../support/certificates.ts";
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
  options: { readonly tls: object; readonly ca?: string; readonly timeoutMs?: number },
): Promise<OtlpRig> {
  const { tls, ca, timeoutMs: timeout_ms } = options;
  return startOtlp({
    protocol,
    tls: { ...server, ...(ca === undefined ? {} : { ca }) },
    config: { tls: { ...NAMED, ...tls }, ...(timeout_ms === undefined ? {} : { timeout_ms }) },
    configDirectory: directory,
  });
}

/** Renamed over the old one: nobody reads half of it. */
async function swap(file: string, text: string): Promise<void> {
  await writeFile(join(directory, "next"), text);
  await rename(join(directory, "next"), join(directory, file));
}

/** A client's certificate that can be replaced, or half of it. */
async function mount(first: Certificate): Promise<{
  readonly tls: { readonly cert_file: string; readonly key_file: string };
  replace(by: Partial<Certificate>): Promise<void>;
}> {
  const replace = async ({ cert, key }: Partial<Certificate>): Promise<void> => {
    if (cert !== undefined) await swap("live.pem", cert);
    if (key !== undefined) await swap("live-key.pem", key);
  };
  await replace(first);
  return { tls: { cert_file: "live.pem", key_file: "live-key.pem" }, replace };
}

/** Their reasons. */
function told(rig: OtlpRig, event: string): readonly string[] {
  return rig.notices.filter((notice) => notice.event === event).map(({ fields }) => String(fields["reason"]));
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

  it("shows what its certificate was replaced by, and goes on meanwhile", async () => {
    const live = await mount(authority.issue("first"));
    const rig = await start(protocol, { tls: { ca_file: "ca.pem", ...live.tls }, ca: authority.cert });
    await rig.exporter.consume(batch);
    await drained(rig);
    await live.replace({ cert: authority.issue("second").cert });
    await eventually(() => told(rig, "forward_certificate_not_replaced").length > 0, "the key of another certificate");
    await rig.exporter.consume(makeBatch([makeSpan(2)]));
    await drained(rig);
    await live.replace(authority.issue("third"));
    await eventually(() => told(rig, "forward_certificate_replaced").length > 0, "the new certificate");
    await rig.exporter.consume(makeBatch([makeSpan(3)]));
    await drained(rig);
    expect(rig.backend.requests.map(({ client }) => client)).toEqual(["first", "first", "third"]);
    expect(rig.backend.spans).toHaveLength(3);
    const [reason = ""] = told(rig, "forward_certificate_not_replaced");
    expect(reason).toContain("`exporters.otlp/test.tls.key_file`: key values mismatch");
    expect(JSON.stringify(rig.notices)).not.toContain("PRIVATE");
    // Of what nobody uses any more nothing is left.
    await eventually(() => rig.backend.connections === 1, "one connection");
  });

  it("lets what is under way end where it began, and what waits go by the new certificate", async () => {
    const live = await mount(stranger.issue("nobody"));
    const tls = { ca_file: "ca.pem", ...live.tls };
    const rig = await start(protocol, { tls, ca: authority.cert, timeoutMs: 2_000 });
    await failureOf(rig);
    await live.replace(authority.issue("known"));
    await drained(rig);
    rig.notices.length = 0;
    rig.backend.otherwise = "hang";
    await rig.exporter.consume(makeBatch([makeSpan(2)]));
    await eventually(() => rig.backend.requests.length === 2, "the request that hangs");
    rig.backend.otherwise = "ok";
    await live.replace(authority.issue("renewed"));
    await eventually(() => told(rig, "forward_certificate_replaced").length > 0, "the new certificate");
    // It was not broken off; what is not answered in time is sent again, then.
    expect([rig.backend.requests.length, told(rig, "forward_failed")]).toEqual([2, []]);
    await drained(rig);
    expect(rig.backend.requests.map(({ client }) => client)).toEqual(["known", "known", "renewed"]);
  });

  it("trusts the authorities that its file was replaced by", async () => {
    await writeFile(join(directory, "live-ca.pem"), stranger.cert);
    const rig = await start(protocol, { tls: { ca_file: "live-ca.pem" } });
    await failureOf(rig);
    await swap("live-ca.pem", authority.cert);
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(1);
  });

  it("does not start when a file is not there, and names the setting", async () => {
    await expect(start(protocol, { tls: { ca_file: "none.pem" } })).rejects.toThrow(
      "`exporters.otlp/test.tls.ca_file`: no such file",
    );
  });
});
