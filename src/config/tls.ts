import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { z } from "zod";

/** TLS of a server, by the Collector's keys. */
export const tlsServerSchema = z.strictObject({
  cert_file: z.string().min(1).describe("The server's certificate and what is between it and the root, PEM."),
  key_file: z.string().min(1).describe("Its private key, PEM."),
  client_ca_file: z
    .string()
    .min(1)
    .optional()
    .describe("With it, clients must show a certificate that one of these authorities (PEM) signed."),
});

export type TlsServerConfig = z.output<typeof tlsServerSchema>;

/** TLS of a client, by the Collector's keys. */
export const tlsClientSchema = z
  .strictObject({
    insecure: z.boolean().default(false).describe("True: plain text, no TLS."),
    insecure_skip_verify: z.boolean().default(false).describe("True: any certificate is taken. For tests only."),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe("Authorities (PEM) that the server's certificate must be signed by; absent: those that Node knows."),
    cert_file: z.string().min(1).optional().describe("The client's certificate, PEM, where the server asks for one."),
    key_file: z.string().min(1).optional().describe("Its private key, PEM."),
    server_name_override: z
      .string()
      .min(1)
      .optional()
      .describe("The name that the server's certificate must be for, when it is not the endpoint's."),
  })
  .refine((tls) => (tls.cert_file === undefined) === (tls.key_file === undefined), {
    error: "`cert_file` and `key_file` go together",
  });

export type TlsClientConfig = z.output<typeof tlsClientSchema>;

/** The files' contents, as node:tls takes them. */
export interface TlsClientFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The files' contents, as node:tls takes them. */
export interface TlsServerFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** Clients must show a certificate of `ca`. */
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** A file of a `tls` section that can't be read or used, by its key. Its message never holds a key's content. */
export class TlsFileError extends Error {
  override readonly name = "TlsFileError";
  readonly key: string;

  constructor(key: string, message: string, cause: unknown) {
    super(message, { cause });
    this.key = key;
  }
}

/** Reads and checks the files; paths are relative to `directory`. Throws `TlsFileError`. */
export function readTlsServerFiles(config: TlsServerConfig, directory: string): TlsServerFiles {
  const cert = readPem({ key: "cert_file", path: config.cert_file, directory });
  const key = readPem({ key: "key_file", path: config.key_file, directory });
  check("cert_file", () => createSecureContext({ cert }));
  check("key_file", () => createSecureContext({ cert, key }));
  if (config.client_ca_file === undefined) return { cert, key, requestCert: false, rejectUnauthorized: false };
  const ca = readPem({ key: "client_ca_file", path: config.client_ca_file, directory });
  // A context would take a file without any certificate, and then no client at all.
  check("client_ca_file", () => new X509Certificate(ca));
  return { cert, key, ca, requestCert: true, rejectUnauthorized: true };
}

/** Reads and checks the files that are named; paths are relative to `directory`. Throws `TlsFileError`. */
export function readTlsClientFiles(config: TlsClientConfig, directory: string): TlsClientFiles {
  const { ca_file: caFile, cert_file: certFile, key_file: keyFile } = config;
  const files: { ca?: string; cert?: string; key?: string } = {};
  if (caFile !== undefined) {
    const ca = readPem({ key: "ca_file", path: caFile, directory });
    check("ca_file", () => new X509Certificate(ca));
    files.ca = ca;
  }
  if (certFile !== undefined && keyFile !== undefined) {
    const cert = readPem({ key: "cert_file", path: certFile, directory });
    const key = readPem({ key: "key_file", path: keyFile, directory });
    check("cert_file", () => createSecureContext({ cert }));
    check("key_file", () => createSecureContext({ cert, key }));
    files.cert = cert;
    files.key = key;
  }
  return files;
}

function readPem(file: { key: string; path: string; directory: string }): string {
  const path = resolve(file.directory, file.path);
  return check(file.key, () => readFileSync(path, "utf8"));
}

function check<T>(key: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new TlsFileError(key, reasonOf(error), error);
  }
}

/** OpenSSL's `error:05800074:x509 certificate routines::key values mismatch` without its numbers. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "ENOENT") return "no such file";
  return error.message.replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/, "");
}
