/**
 * The wall clock of another process, set while it runs: Debian's `faketime` library reads an offset from a file. The
 * monotonic clock is left alone, as it is on a machine whose wall clock is set.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
);

export class FakeClock {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Why a test with such a clock can't run here; `undefined` where it can. In CI it must, so there it is never a reason. */
  static missing(): string | undefined {
    if (FakeClock.#library() !== undefined || process.env["CI"] === "true") return undefined;
    return "skipped: Debian's package `faketime` is not installed";
  }

  /** At no offset. Throws where the library is not installed: a fault that can't be made is no test. */
  static async create(): Promise<FakeClock> {
    if (FakeClock.#library() === undefined) throw new Error("this test needs Debian's package `faketime`");
    const clock = new FakeClock(await mkdtemp(join(tmpdir(), "tollgate-clock-")));
    await clock.setOffset(0);
    return clock;
  }

  /** For the environment of a process, before it starts. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: FakeClock.#library() ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Seconds between the machine's clock and the process's, from now on. */
  async setOffset(seconds: number): Promise<void> {
    const next = `${this.#file}.next`;
    await writeFile(next, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}s\n`);
    await rename(next, this.#file);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#directory, "offset");
  }

  static #library(): string | undefined {
    return LIBRARIES.find((path) => existsSync(path));
  }
}
