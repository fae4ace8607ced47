/**
 * Where spans wait on disk while nobody takes them (TOLLGATE_SPOOL_DIR): one folder an agent, one file a batch, which is the body
 * of an OTLP request in Protobuf. Any process of that agent sends them, oldest first, and removes what was taken; two that send the same
 * file do no harm, because the processor knows a span again. A file is whole under its name or not there: it is written beside and
 * renamed. Writing is synchronous, so that a process that ends, however soon, has written what it promised. A power cut may still leave a
 * name without all of its bytes: their hash is part of the name.
 */
import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../config/logger.ts";

/** What became of a body that was sent. `refused`: it will never be taken, so it is set aside. */
export type SendOutcome = "taken" | "later" | "refused";
export type SendBody = (body: Uint8Array) => Promise<SendOutcome>;

export interface SpanSpoolOptions {
  readonly directory: string;
  readonly agent: string;
  /** Of all files of the agent together. */
  readonly bytesMax: number;
  readonly logger: Logger;
  readonly wallMs: () => number;
}

const WHOLE = ".otlp";
const WRITING = ".writing";
const SENDING = ".sending";
const SET_ASIDE = ".refused";
/** A file that somebody has been writing or sending for so long is nobody's any more. */
const STALE_MS = 60_000;
const NAME_LENGTH_MAX = 100;
const HASH_DIGITS = 12;

interface SpoolFile {
  readonly path: string;
  readonly bytes: number;
}

export class SpanSpool {
  readonly #folder: string;
  readonly #options: SpanSpoolOptions;
  /** `undefined` until it was looked at. */
  #bytes: number | undefined;
  #isEmpty = false;

  constructor(options: SpanSpoolOptions) {
    this.#options = options;
    this.#folder = join(options.directory, encodeURIComponent(options.agent).slice(0, NAME_LENGTH_MAX));
  }

  /** False once it was seen to hold nothing to send. */
  get mayHaveFiles(): boolean {
    return !this.#isEmpty;
  }

  /** The file's path, or `undefined` when there is no room for it: the caller keeps the spans. */
  write(body: Uint8Array): string | undefined {
    const { bytesMax, logger, wallMs } = this.#options;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const bytes = body.byteLength;
      const held = (this.#bytes ??= this.#list().held);
      if (held + bytes > bytesMax) {
        logger.once("error", "spool-full", `${this.#folder} holds ${held} bytes of spans: no more are put there`);
        return undefined;
      }
      const name = `${String(wallMs()).padStart(15, "0")}-${hashOf(body)}`;
      const path = join(this.#folder, `${name}${WHOLE}`);
      const writing = join(this.#folder, `${name}${WRITING}`);
      try {
        writeFileSync(writing, body, { mode: 0o600 });
        renameSync(writing, path);
      } catch (problem) {
        rmSync(writing, { force: true });
        throw problem;
      }
      this.#bytes = held + bytes;
      this.#isEmpty = false;
      return path;
    } catch (problem) {
      logger.once("error", "spool-write", `spans can't be put into ${this.#folder}: ${String(problem)}`);
      return undefined;
    }
  }

  /** Sends what waits, oldest first, until one is not taken. False when one was not. */
  async takeUp(send: SendBody): Promise<boolean> {
    let files: readonly SpoolFile[];
    try {
      ({ waiting: files } = this.#list());
    } catch (problem) {
      this.#options.logger.once("warn", "spool-read", `${this.#folder} can't be read: ${String(problem)}`);
      return true;
    }
    for (const file of files) {
      if (!(await this.#takeUpOne(file, send))) return false;
    }
    this.#isEmpty = this.#list().waiting.length === 0;
    return true;
  }

  async #takeUpOne({ path, bytes }: SpoolFile, send: SendBody): Promise<boolean> {
    const stem = path.slice(0, path.lastIndexOf("."));
    const claim = `${stem}${SENDING}`;
    let body: Uint8Array;
    try {
      renameSync(path, claim);
      const now = new Date(this.#options.wallMs());
      utimesSync(claim, now, now);
      body = readFileSync(claim);
    } catch {
      // Another process was faster.
      return true;
    }
    const outcome = stem.endsWith(`-${hashOf(body)}`) ? await send(body) : "refused";
    switch (outcome) {
      case "taken":
        rmSync(claim, { force: true });
        this.#bytes = Math.max(0, (this.#bytes ?? bytes) - bytes);
        return true;
      case "later":
        renameSync(claim, `${stem}${WHOLE}`);
        return false;
      case "refused":
        renameSync(claim, `${stem}${SET_ASIDE}`);
        this.#options.logger.log("error", `a batch of spans is torn or was refused; it is kept as ${stem}${SET_ASIDE}`);
        return true;
    }
  }

  /** What is to be sent, oldest first, and how much room all takes. Halves of files whose writer died are removed. */
  #list(): { readonly waiting: readonly SpoolFile[]; readonly held: number } {
    const waiting: SpoolFile[] = [];
    let held = 0;
    const staleBefore = this.#options.wallMs() - STALE_MS;
    for (const name of this.#names()) {
      const path = join(this.#folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const isStale = stat.mtimeMs < staleBefore;
      if (name.endsWith(WRITING) && isStale) {
        rmSync(path, { force: true });
        continue;
      }
      held += stat.size;
      if (name.endsWith(WHOLE) || (name.endsWith(SENDING) && isStale)) waiting.push({ path, bytes: stat.size });
    }
    this.#bytes = held;
    return { waiting, held };
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder).toSorted();
    } catch (problem) {
      if (problem instanceof Error && "code" in problem && problem.code === "ENOENT") return [];
      throw problem;
    }
  }
}

function hashOf(body: Uint8Array): string {
  return hash("sha256", body, "hex").slice(0, HASH_DIGITS);
}
