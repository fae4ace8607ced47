/**
 * A way to a backend whose TLS files may be replaced while it is used: requests go over new connections from then on; those that are under
 * way end where they began.
 */
import { RenewedFiles } from "../../config/renewed-files.ts";
import { type TlsClientConfig, type TlsClientFiles, readTlsClientFiles } from "../../config/tls.ts";
import type { OtlpExporterDependencies } from "./dependencies.ts";
import type { OtlpRequest } from "./requests.ts";
import type { SendOutcome, Transport } from "./transport.ts";

export interface RenewedTransportOptions {
  readonly tls: TlsClientConfig;
  readonly dependencies: Pick<OtlpExporterDependencies, "name" | "configDirectory" | "clock" | "notify">;
  readonly make: (files: TlsClientFiles) => Transport;
}

export class RenewedTransport implements Transport {
  readonly #files: RenewedFiles<TlsClientFiles>;
  #current: { readonly transport: Transport; sending: number };

  /** Throws, naming the key, when a file can't be used. */
  constructor({ tls, dependencies, make }: RenewedTransportOptions) {
    const { name: exporter, configDirectory: directory, clock, notify } = dependencies;
    this.#files = new RenewedFiles({
      read: () => readTlsClientFiles(tls, directory),
      section: `exporters.${exporter}.tls`,
      paths: [tls.ca_file, tls.cert_file, tls.key_file],
      directory,
      clock,
      onReplaced: () => notify({ level: "info", event: "forward_certificate_replaced", fields: { exporter } }),
      onRefused: (reason) =>
        notify({ level: "error", event: "forward_certificate_not_replaced", fields: { exporter, reason } }),
    });
    this.#current = { transport: make(this.#files.files), sending: 0 };
    this.#files.start((files) => {
      const before = this.#current;
      this.#current = { transport: make(files), sending: 0 };
      if (before.sending === 0) before.transport.close();
    });
  }

  async send(request: OtlpRequest, signal: AbortSignal): Promise<SendOutcome> {
    const used = this.#current;
    used.sending += 1;
    try {
      return await used.transport.send(request, signal);
    } finally {
      used.sending -= 1;
      if (used.sending === 0 && used !== this.#current) used.transport.close();
    }
  }

  close(): void {
    this.#files.stop();
    this.#current.transport.close();
  }
}
