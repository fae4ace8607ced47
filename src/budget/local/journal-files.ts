/** The files of a journal's directory: `journal-N.log` from `snapshot-N.log` on, N counted up, 10 digits. */
import { join } from "node:path";
import type { Disk } from "./disk.ts";

export interface JournalFiles {
  /** The snapshot to start from: the state before the segment of the same number. */
  readonly snapshot: number | undefined;
  /** Segments to replay, in order, without a gap. */
  readonly segments: readonly number[];
  /** Files that a newer snapshot replaced, or that were never finished. */
  readonly stale: readonly string[];
}

export function segmentName(number: number): string {
  return `journal-${String(number).padStart(10, "0")}.log`;
}

export function snapshotName(number: number): string {
  return `snapshot-${String(number).padStart(10, "0")}.log`;
}

/** What is there. A missing segment shows as `gap`: its number. */
export async function listJournal(
  disk: Disk,
  dir: string,
): Promise<JournalFiles & { readonly gap: number | undefined }> {
  const names = await disk.list(dir);
  const numbers = (kind: string): number[] =>
    names
      .map((name) => new RegExp(`^${kind}-(\\d{10})\\.log$`).exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  const snapshots = numbers("snapshot");
  const all = numbers("journal");
  const snapshot = snapshots.at(-1);
  const first = snapshot ?? 1;
  const segments = all.filter((number) => number >= first);
  const expected = Math.max(segments.length, snapshot === undefined ? 0 : 1);
  const gap = Array.from({ length: expected }, (_, at) => first + at).find((number, at) => segments[at] !== number);
  const stale = [
    ...snapshots.filter((number) => number !== snapshot).map(snapshotName),
    ...all.filter((number) => number < first).map(segmentName),
    ...names.filter((name) => name.endsWith(".tmp")),
  ];
  return { snapshot, segments, stale, gap };
}

export async function unlinkAll(disk: Disk, dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) await disk.unlink(join(dir, name));
}
