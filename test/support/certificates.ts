/**
 * X.509 certificates for tests, made anew in each run with node:crypto: an authority, and certificates that it signs. As
 * much DER as that takes, and no more. https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
import { type KeyObject, generateKeyPairSync, sign } from "node:crypto";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  /** For 127.0.0.1 and localhost, or for a client. Of two days; `isExpired`: the two before those. */
  issue(commonName: string, options?: { readonly isExpired: boolean }): Certificate;
}

const DAY_MS = 86_400_000;

export function createAuthority(commonName: string): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { commonName, key: keys.privateKey };
  const cert = certificate({ issuer, commonName, publicKey: keys.publicKey, isAuthority: true });
  return {
    cert,
    issue: (subject, { isExpired } = { isExpired: false }) => {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        cert: certificate({ issuer, commonName: subject, publicKey: own.publicKey, isAuthority: false, isExpired }),
        key: own.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

let serial = 0;

function certificate(options: {
  readonly issuer: { readonly commonName: string; readonly key: KeyObject };
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly isAuthority: boolean;
  readonly isExpired?: boolean;
}): string {
  const { issuer, commonName, publicKey, isAuthority, isExpired = false } = options;
  const beginMs = Date.now() - (isExpired ? 3 * DAY_MS : DAY_MS);
  serial += 1;
  const body = sequence(
    tagged(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([serial])),
    ECDSA_WITH_SHA256,
    name(issuer.commonName),
    sequence(time(beginMs), time(beginMs + 2 * DAY_MS)),
    name(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(isAuthority ? BASIC_CONSTRAINTS_AUTHORITY : SUBJECT_ALTERNATIVE_NAMES)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, issuer.key)]));
  const base64 = sequence(body, ECDSA_WITH_SHA256, signature).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  return der(tag, Buffer.concat(parts));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
}

/** UTCTime: YYMMDDHHMMSSZ. */
function time(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replaceAll(/\D/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const TRUE = der(0x01, Buffer.from([0xff]));
const BASIC_CONSTRAINTS_AUTHORITY = sequence(oid("551d13"), TRUE, der(0x04, sequence(TRUE)));
const SUBJECT_ALTERNATIVE_NAMES = sequence(
  oid("551d11"),
  der(0x04, sequence(der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1])))),
);
