/** The TLS files of one protocol, in force for new connections once they are replaced; those that are there go on under what they began with. */
import type { Notify } from "../../component/notice.ts";
import { RenewedFiles } from "../../config/renewed-files.ts";
import { type TlsServerConfig, type TlsServerFiles, readTlsServerFiles } from "../../config/tls.ts";
import type { Clock } from "../../support/clock.ts";

export type Certificates = RenewedFiles<TlsServerFiles>;

export interface CertificatesOptions {
  readonly protocol: "http" | "grpc";
  readonly config: TlsServerConfig;
  /** What the paths of the files are relative to. */
  readonly directory: string;
  readonly clock: Clock;
  readonly notify: Notify;
}

/** Throws, naming the key, when a file can't be used. */
export function createCertificates({ protocol, config, directory, clock, notify }: CertificatesOptions): Certificates {
  return new RenewedFiles({
    read: () => readTlsServerFiles(config, directory),
    section: `receivers.otlp.protocols.${protocol}.tls`,
    paths: [config.cert_file, config.key_file, config.client_ca_file],
    directory,
    clock,
    onReplaced: () => notify({ level: "info", event: "otlp_certificate_replaced", fields: { protocol } }),
    onRefused: (reason) =>
      notify({ level: "error", event: "otlp_certificate_not_replaced", fields: { protocol, reason } }),
  });
}
