/**
 * TLS files that may be replaced while the process runs, as whoever renews certificates does. Promise: what replaces them is handed on
 * without a restart; files that can't be used, or do not belong together yet, change nothing, and are told of. What the file system does
 * not say is found within ten seconds.
 */
import { resolve } from "node:path";
import type { Clock } from "../support/clock.ts";
import { FilesWatch } from "./governance/files-watch.ts";
import { TlsFileError } from "./tls.ts";

/** As the reading functions of tls.ts give them. */
interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface RenewedFilesOptions<Files extends TlsFiles> {
  /** Throws `TlsFileError`. */
  readonly read: () => Files;
  /** Of the `tls` section, for messages. */
  readonly section: string;
  /** As they are configured; what is not there is left out. */
  readonly paths: readonly (string | undefined)[];
  /** What they are relative to. */
  readonly directory: string;
  readonly clock: Clock;
  readonly onReplaced: () => void;
  readonly onRefused: (reason: string) => void;
}

const POLL_INTERVAL_MS = 10_000;

export class RenewedFiles<Files extends TlsFiles> {
  readonly #options: RenewedFilesOptions<Files>;
  #files: Files;
  #watch: FilesWatch | undefined;

  /** Throws, naming the key, when a file can't be used. */
  constructor(options: RenewedFilesOptions<Files>) {
    this.#options = options;
    this.#files = this.#read();
  }

  get files(): Files {
    return this.#files;
  }

  /** Hands on what replaces the files, until `stop`. */
  start(use: (files: Files) => void): void {
    const { paths, directory, clock } = this.#options;
    const named = new Set(paths.filter((path) => path !== undefined));
    if (named.size === 0) return;
    this.#watch = new FilesWatch({
      paths: [...named].map((file) => resolve(directory, file)),
      clock,
      pollIntervalMs: POLL_INTERVAL_MS,
      onChange: () => this.#look(use),
    });
    this.#watch.start();
  }

  stop(): void {
    this.#watch?.stop();
  }

  #look(use: (files: Files) => void): void {
    try {
      const files = this.#read();
      const { cert, key, ca } = this.#files;
      if (files.cert === cert && files.key === key && files.ca === ca) return;
      use(files);
      this.#files = files;
      this.#options.onReplaced();
    } catch (error) {
      this.#options.onRefused(error instanceof Error ? error.message : String(error));
    }
  }

  #read(): Files {
    const { read, section } = this.#options;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error;
      throw new Error(`\`${section}.${error.key}\`: ${error.message}`, { cause: error });
    }
  }
}
