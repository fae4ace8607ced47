/**
 * Reads the state back from a directory: newest snapshot, then every event after it. A last write that a crash cut short
 * is cut off and said; it was never acknowledged. Damage anywhere else is refused with file and offset: a ledger that
 * guesses would let money be spent twice.
 */
import { join } from "node:path";
import { LedgerError } from "../ledger-error.ts";
import { applyEvent } from "../rules/apply.ts";
import { decodeEvent } from "../rules/events.ts";
import { LedgerState } from "../rules/state.ts";
import type { Disk } from "./disk.ts";
import { readFrame } from "./frame.ts";
import { listJournal, segmentName, snapshotName, unlinkAll } from "./journal-files.ts";
import type { LedgerNotice } from "../ledger-notice.ts";
import { readSnapshot } from "../rules/snapshot.ts";

export interface Recovered {
  readonly state: LedgerState;
  /** Where the journal goes on. */
  readonly segment: number;
  readonly offset: number;
  /** Length of the segment before it, 0 if there is none. */
  readonly previousBytes: number;
  readonly segments: number;
  readonly events: number;
}

interface Head {
  readonly journal?: string;
  readonly snapshot?: string;
  readonly version: number;
  readonly segment: number;
  readonly previousBytes?: number;
}

const VERSION = 1;
/** In the first each instance had its document beside it. */
const SNAPSHOT_VERSIONS: ReadonlySet<number> = new Set([1, 2]);

export async function recover(disk: Disk, dir: string, notify: (notice: LedgerNotice) => void): Promise<Recovered> {
  const files = await listJournal(disk, dir);
  if (files.gap !== undefined) throw corrupt(join(dir, segmentName(files.gap)), 0, "the segment is missing");
  await unlinkAll(disk, dir, files.stale);
  const state = files.snapshot === undefined ? new LedgerState() : await loadSnapshot(disk, dir, files.snapshot);
  let events = 0;
  let offset = 0;
  let previousBytes = 0;
  for (const [at, segment] of files.segments.entries()) {
    const isLast = at === files.segments.length - 1;
    const path = join(dir, segmentName(segment));
    const read = await replaySegment({ disk, path, segment, state, isLast, before: at === 0 ? undefined : offset });
    if (read.cut > 0) {
      notify({ notice: "journal_tail_cut", file: path, offset: read.offset, bytes: read.cut });
      await cutOff(disk, path, read.offset);
    }
    previousBytes = offset;
    offset = read.offset;
    events += read.events;
  }
  return { state, segment: files.segments.at(-1) ?? 1, offset, previousBytes, segments: files.segments.length, events };
}

interface SegmentReading {
  /** Length of what is valid. */
  readonly offset: number;
  readonly events: number;
  /** Bytes after it that a crash left. */
  readonly cut: number;
}

async function replaySegment(options: {
  readonly disk: Disk;
  readonly path: string;
  readonly segment: number;
  readonly state: LedgerState;
  readonly isLast: boolean;
  /** Length of the segment before it. */
  readonly before: number | undefined;
}): Promise<SegmentReading> {
  const { disk, path, state, isLast } = options;
  const file = await disk.read(path);
  let offset = 0;
  let events = 0;
  for (;;) {
    const frame = readFrame(file, offset);
    if (frame.kind === "end") return { offset, events, cut: 0 };
    if (frame.kind === "broken") {
      if (isLast && frame.isTail) return { offset, events, cut: file.length - offset };
      throw corrupt(path, offset, isLast ? "a damaged record with whole ones after it" : "a damaged record");
    }
    try {
      if (offset === 0) checkHead(frame.payload, options);
      else events += replayLines(state, frame.payload);
    } catch (error) {
      throw corrupt(path, offset, error instanceof Error ? error.message : String(error), error);
    }
    offset = frame.next;
  }
}

function replayLines(state: LedgerState, payload: string): number {
  const lines = payload.split("\n");
  for (const line of lines) applyEvent(state, decodeEvent(line));
  return lines.length;
}

function checkHead(payload: string, of: { readonly segment: number; readonly before: number | undefined }): void {
  const head = JSON.parse(payload) as Head;
  if (head.journal === undefined || head.segment !== of.segment) throw new Error("this is not the segment of its name");
  if (head.version !== VERSION) throw new Error(`version ${head.version} of the journal is not known here`);
  if (of.before !== undefined && head.previousBytes !== of.before) {
    throw new Error(`the segment before had ${head.previousBytes} bytes and now has ${of.before}`);
  }
}

async function loadSnapshot(disk: Disk, dir: string, segment: number): Promise<LedgerState> {
  const path = join(dir, snapshotName(segment));
  const file = await disk.read(path);
  const lines: string[] = [];
  let offset = 0;
  for (;;) {
    const frame = readFrame(file, offset);
    if (frame.kind === "end") break;
    if (frame.kind === "broken") throw corrupt(path, offset, "a damaged record");
    if (offset > 0) lines.push(...frame.payload.split("\n"));
    else checkSnapshotHead(path, frame.payload);
    offset = frame.next;
  }
  try {
    return readSnapshot(lines);
  } catch (error) {
    throw corrupt(path, offset, error instanceof Error ? error.message : String(error), error);
  }
}

function checkSnapshotHead(path: string, payload: string): void {
  const { version } = JSON.parse(payload) as Head;
  if (!SNAPSHOT_VERSIONS.has(version)) throw corrupt(path, 0, `version ${version} of the snapshot is not known here`);
}

async function cutOff(disk: Disk, path: string, length: number): Promise<void> {
  await disk.truncate(path, length);
  const file = await disk.open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

function corrupt(path: string, offset: number, what: string, cause?: unknown): LedgerError {
  const message = `the ledger's journal is damaged: ${path} at byte ${offset}: ${what}`;
  return new LedgerError("ledger_corrupt", message, { cause });
}
