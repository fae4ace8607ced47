/**
 * The append-only file behind the ledger, with group commit: everything that waits goes out in one frame, one write and one
 * fdatasync, and only then does anybody hear of it. While the disk is busy the next group gathers, so the cost of a sync is
 * shared by as many as wait for it; it goes out as soon as the disk is free, before those of the last one are answered.
 *
 * A write or sync that fails ends it: the kernel may have dropped the pages, so trying again would acknowledge what isn't
 * there. From then on everything rejects with `ledger_unavailable`: what the disk really has is for another journal to read.
 *
 * A segment that has grown is followed by a new one; a snapshot of the state at that point then replaces all before it.
 */
import { join } from "node:path";
import type { NextTurn } from "../../support/next-turn.ts";
import { LedgerError } from "../ledger-error.ts";
import { writeDurably, writeFileDurably, type Disk, type DiskFile } from "./disk.ts";
import { encodeFrame } from "./frame.ts";
import { Headroom } from "./headroom.ts";
import { listJournal, segmentName, snapshotName, unlinkAll } from "./journal-files.ts";

export interface JournalOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** Where to go on: the last segment and its length, as recovery found it. */
  readonly segment: number;
  readonly offset: number;
  /** Length of the segment before it. */
  readonly previousBytes: number;
  readonly segmentBytesMax: number;
  readonly nextTurn: NextTurn;
  /** The state as lines. Must hold exactly what was appended so far. */
  readonly snapshot: () => string[];
  readonly onFailure: (error: LedgerError) => void;
  /** A snapshot could not be written; the journal goes on and tries again at the next segment. */
  readonly onSnapshotFailure: (error: Error) => void;
}

/** One group: far below the limit of a frame, and no long pause for those behind it. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
const SNAPSHOT_FRAME_BYTES = 1024 * 1024;
/** So many need not wait for what else the loop reads in this turn: the disk works meanwhile. */
const GATHERED_LINES = 32;

/** Those who wait for one group: they share one promise. */
interface Waiting {
  /** What of all that was ever appended has to be on disk. */
  upTo: number;
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  #file: DiskFile | undefined;
  #headroom: Headroom | undefined;
  /** Ends the gathering of a first group. */
  #goOn: (() => void) | undefined;
  #segment: number;
  #offset: number;
  #lines: string[] = [];
  readonly #waiting: Waiting[] = [];
  /** Takes in who comes until its lines are written. */
  #gathering: Waiting | undefined;
  #appended = 0;
  #durable = 0;
  #flushing: Promise<void> | undefined;
  #snapshotting: Promise<void> | undefined;
  #failure: LedgerError | undefined;
  #flushes = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#segment = options.segment;
    this.#offset = options.offset;
  }

  get flushes(): number {
    return this.#flushes;
  }

  get events(): number {
    return this.#appended;
  }

  get bytes(): number {
    return this.#offset;
  }

  /** Why nothing is written any more. */
  get failure(): LedgerError | undefined {
    return this.#failure;
  }

  /**
   * A segment that was found is written once more, over itself: where a sync failed and the process ended, the kernel shows pages
   * that are not on the disk, and a power cut would make holes of them in the middle of what is appended now.
   */
  async start(): Promise<void> {
    const { disk, previousBytes } = this.#options;
    await this.#open();
    if (this.#offset === 0) await this.#write(segmentHead(this.#segment, previousBytes));
    else if (this.#file !== undefined)
      await writeDurably(this.#file, (await disk.read(this.#path())).subarray(0, this.#offset), 0);
    // Also where the segment was found: who made it may have died, or its disk failed, before its name was durable.
    await this.#options.disk.syncDirectory(this.#options.dir);
  }

  /**
   * Writes all that there is anew, into a snapshot and a segment of their own. What was read of a disk that failed may be in the
   * kernel's memory only, and no later sync would bring it to the disk. First the segment that is left: the head of the next one says how
   * long it is, and in a power cut before the snapshot is there it must be.
   */
  async renew(): Promise<void> {
    const { disk, dir } = this.#options;
    const snapshot = this.#options.snapshot();
    const left = (await disk.read(this.#path())).subarray(0, this.#offset);
    await writeFileDurably(disk, { dir, name: segmentName(this.#segment) }, [left]);
    await this.#nextSegment();
    await this.#replaceBySnapshot(this.#segment, snapshot);
  }

  /** Resolves once `lines`, and all that was appended before, are on disk. No lines: once what came before is. */
  append(lines: readonly string[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    for (const line of lines) this.#lines.push(line);
    this.#appended += lines.length;
    if (this.#appended === this.#durable) return Promise.resolve();
    const waiting = this.#waitingFor(this.#appended);
    this.#flushing ??= this.#flush();
    if (this.#lines.length >= GATHERED_LINES) this.#goOn?.();
    return waiting.durable;
  }

  #waitingFor(upTo: number): Waiting {
    let last = this.#waiting.at(-1);
    if (last === undefined || (last !== this.#gathering && last.upTo < upTo)) {
      const { promise: durable, resolve, reject } = Promise.withResolvers<void>();
      last = { upTo, durable, resolve, reject };
      this.#waiting.push(last);
      this.#gathering = last;
    }
    last.upTo = upTo;
    return last;
  }

  /** Waits for what is under way, then closes. Returns why that, or something before it, could not be written. */
  async stop(): Promise<LedgerError | undefined> {
    await this.#flushing;
    await this.#snapshotting;
    const failure = this.#failure;
    this.#failure ??= new LedgerError("ledger_unavailable", "the ledger has stopped");
    await this.#close(failure !== undefined);
    this.#file = undefined;
    return failure;
  }

  /** Ends the journal: nothing more is written or acknowledged. Returns what everybody is told. */
  fail(cause: unknown): LedgerError {
    if (this.#failure !== undefined) return this.#failure;
    const message = `the ledger stopped: ${asError(cause).message}`;
    const failure = new LedgerError("ledger_unavailable", message, { cause });
    this.#failure = failure;
    this.#lines = [];
    for (const waiting of this.#waiting.splice(0)) waiting.reject(failure);
    this.#options.onFailure(failure);
    return failure;
  }

  async #flush(): Promise<void> {
    try {
      await this.#gathered();
      while (this.#lines.length > 0) {
        const group = this.#takeGroup();
        const isRotation = this.#lines.length === 0 && this.#offset >= this.#options.segmentBytesMax;
        const snapshot = isRotation ? this.#options.snapshot() : undefined;
        await this.#write(group.payload);
        this.#flushes += 1;
        this.#acknowledge(group.count);
        if (snapshot !== undefined) await this.#rotate(snapshot);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#flushing = undefined;
    }
  }

  /** All requests that the loop reads in this turn belong to one group, unless they are many. */
  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = () => {
        this.#goOn = undefined;
        cancel();
        resolve();
      };
      const cancel = this.#options.nextTurn(this.#goOn);
    });
  }

  #takeGroup(): { payload: string; count: number } {
    this.#gathering = undefined;
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.length > GROUP_BYTES_MAX) break;
      bytes += line.length;
      count += 1;
    }
    const lines = this.#lines.splice(0, count);
    return { payload: lines.join("\n"), count };
  }

  async #write(payload: string): Promise<void> {
    const frame = encodeFrame(payload);
    const file = this.#file;
    const headroom = this.#headroom;
    if (file === undefined || headroom === undefined) {
      throw new LedgerError("ledger_unavailable", "the journal is not open");
    }
    const end = this.#offset + frame.length;
    await headroom.before(end);
    await writeDurably(file, frame, this.#offset);
    this.#offset = end;
    headroom.after(end);
  }

  /** A segment that is left ends where its frames do. */
  async #close(hasFailed: boolean): Promise<void> {
    await this.#headroom?.settle();
    await this.#file?.close();
    if (this.#file === undefined || hasFailed) return;
    // Room that stays is read as room: no reason to stop.
    await this.#options.disk.truncate(this.#path(), this.#offset).catch(() => {});
  }

  #acknowledge(count: number): void {
    this.#durable += count;
    const first = this.#waiting.findIndex(({ upTo }) => upTo > this.#durable);
    const done = this.#waiting.splice(0, first < 0 ? this.#waiting.length : first);
    for (const waiting of done) waiting.resolve();
  }

  async #rotate(snapshot: string[]): Promise<void> {
    await this.#nextSegment();
    const [segment, before] = [this.#segment, this.#snapshotting];
    this.#snapshotting = (async () => {
      await before;
      await this.#replaceBySnapshot(segment, snapshot);
    })().catch((error: unknown) => this.#options.onSnapshotFailure(asError(error)));
  }

  async #nextSegment(): Promise<void> {
    const previousBytes = this.#offset;
    await this.#close(false);
    this.#segment += 1;
    this.#offset = 0;
    await this.#open();
    await this.#write(segmentHead(this.#segment, previousBytes));
    await this.#options.disk.syncDirectory(this.#options.dir);
  }

  async #replaceBySnapshot(segment: number, lines: string[]): Promise<void> {
    const { disk, dir } = this.#options;
    await writeFileDurably(disk, { dir, name: snapshotName(segment) }, snapshotFrames(segment, lines));
    await unlinkAll(disk, dir, (await listJournal(disk, dir)).stale);
  }

  async #open(): Promise<void> {
    const { disk, segmentBytesMax } = this.#options;
    const { openDurable = disk.open } = disk;
    this.#file = await openDurable(this.#path(), this.#offset === 0 ? "w" : "r+");
    const onFailure = (error: unknown): void => void this.fail(error);
    this.#headroom = new Headroom({ file: this.#file, offset: this.#offset, segmentBytesMax, onFailure });
  }

  #path(): string {
    return join(this.#options.dir, segmentName(this.#segment));
  }
}

/** First frame of a segment. `previousBytes`: how long the segment before it must be. */
function segmentHead(segment: number, previousBytes: number): string {
  return JSON.stringify({ journal: "tollgate-ledger", version: 1, segment, previousBytes });
}

function* snapshotFrames(segment: number, lines: readonly string[]): Generator<Buffer> {
  yield encodeFrame(JSON.stringify({ snapshot: "tollgate-ledger", version: 2, segment }));
  let group: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    group.push(line);
    bytes += line.length;
    if (bytes < SNAPSHOT_FRAME_BYTES) continue;
    yield encodeFrame(group.join("\n"));
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield encodeFrame(group.join("\n"));
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
