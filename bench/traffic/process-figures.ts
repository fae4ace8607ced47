/** What Linux says of a process. */
import { readFileSync } from "node:fs";

/** Linux counts a process's CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

/** User and system time so far, of all threads. The name, which may hold spaces, ends with the last parenthesis. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  const [, resident = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(resident) * PAGE_BYTES;
}

/** Resident memory, sampled until it is stopped. */
export class MemoryWatch {
  readonly #samples: { readonly seconds: number; readonly bytes: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    const startedMs = performance.now();
    const sample = (): void => {
      this.#samples.push({ seconds: (performance.now() - startedMs) / 1_000, bytes: residentBytesOf(pid) });
    };
    sample();
    this.#timer = setInterval(sample, 500);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get bytesMax(): number {
    return this.#samples.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  }

  get seconds(): number {
    return this.#samples.at(-1)?.seconds ?? 0;
  }

  /** Growth over the second half, by least squares: bytes a minute. */
  get bytesPerMinute(): number {
    const half = this.#samples.slice(Math.floor(this.#samples.length / 2));
    const mean = (of: (sample: { seconds: number; bytes: number }) => number): number =>
      half.reduce((sum, sample) => sum + of(sample), 0) / half.length;
    const [seconds, bytes] = [mean((sample) => sample.seconds), mean((sample) => sample.bytes)];
    const above = half.reduce((sum, sample) => sum + (sample.seconds - seconds) * (sample.bytes - bytes), 0);
    const below = half.reduce((sum, sample) => sum + (sample.seconds - seconds) ** 2, 0);
    return below === 0 ? 0 : (above / below) * 60;
  }
}
