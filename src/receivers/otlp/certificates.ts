/**
 * The TLS files of one protocol, which may be replaced while the server runs, as whoever renews certificates does. Promise: new
 * connections get the new ones without a restart; files that can't be used change nothing, and are told of. What the file system does
 * not say is found within ten seconds. Limit: connections that are there go on under what they began with.
 */
import { resolve } from "node:path";
import type { Notify } from "../../component/notice.ts";
import { FilesWatch } from "../../config/governance/files-watch.ts";
import { TlsFileError, type TlsServerConfig, type TlsServerFiles, readTlsServerFiles } from "../../config/tls.ts";
import type { Clock } from "../../support/clock.ts";

export interface CertificatesOptions {
  readonly protocol: "http" | "grpc";
  readonly config: TlsServerConfig;
  /** What the paths of the files are relative to. */
  readonly directory: string;
  readonly clock: Clock;
  readonly notify: Notify;
}

const POLL_INTERVAL_MS = 10_000;

export class Certificates {
  readonly #options: CertificatesOptions;
  #files: TlsServerFiles;
  #watch: FilesWatch | undefined;

  /** Throws, naming the key, when a file can't be used. */
  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#files = this.#read();
  }

  get files(): TlsServerFiles {
    return this.#files;
  }

  /** Hands on what replaces the files, until `stop`. */
  start(use: (files: TlsServerFiles) => void): void {
    const { config, directory, clock } = this.#options;
    const named = [config.cert_file, config.key_file, config.client_ca_file ?? config.cert_file];
    this.#watch = new FilesWatch({
      paths: [...new Set(named)].map((file) => resolve(directory, file)),
      clock,
      pollIntervalMs: POLL_INTERVAL_MS,
      onChange: () => this.#look(use),
    });
    this.#watch.start();
  }

  stop(): void {
    this.#watch?.stop();
  }

  #look(use: (files: TlsServerFiles) => void): void {
    const { protocol, notify } = this.#options;
    try {
      const files = this.#read();
      const { cert, key, ca } = this.#files;
      if (files.cert === cert && files.key === key && files.ca === ca) return;
      use(files);
      this.#files = files;
      notify({ level: "info", event: "otlp_certificate_replaced", fields: { protocol } });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notify({ level: "error", event: "otlp_certificate_not_replaced", fields: { protocol, reason } });
    }
  }

  #read(): TlsServerFiles {
    const { protocol, config, directory } = this.#options;
    try {
      return readTlsServerFiles(config, directory);
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error;
      const key = `receivers.otlp.protocols.${protocol}.tls.${error.key}`;
      throw new Error(`\`${key}\`: ${error.message}`, { cause: error });
    }
  }
}
