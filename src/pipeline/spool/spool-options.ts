import type { Notify } from "../../component/notice.ts";
import type { IdentityCell } from "../../pdata/identity.ts";
import type { SpendEntry } from "../../pdata/spend.ts";
import type { Clock } from "../../support/clock.ts";
import type { ByteSink } from "../native/byte-sink.ts";
import type { Block } from "./block-format.ts";
import type { WriteFileDurably } from "./block-store.ts";
import type { RecentSpansOptions } from "./recent-spans.ts";

/** What a spool of rows needs. */
export interface SpoolOptions<Row> {
  readonly directory: string;
  readonly bytesMax: number;
  /** Rows that may wait for a commit at once. */
  readonly waitingRowsMax: number;
  /** How long a block may be held open for more rows while many blocks already wait for delivery. */
  readonly lingerMsMax: number;
  /** What a full or failing spool answers as the time to come back. */
  readonly retryAfterMs: number;
  /** `drop_oldest`: a block that has no room takes that of the blocks which waited longest. @default "refuse" */
  readonly onFull?: "refuse" | "drop_oldest";
  readonly recent: RecentSpansOptions;
  readonly clock: Clock;
  readonly notify: Notify;
  /** Writes what makes the row the same row when it is sent again: all of `target`. */
  identify(row: Row, target: IdentityCell): void;
  /** Writes the rows as they will be sent. */
  writeRows(sink: ByteSink, rows: readonly Row[]): void;
  /** What the rows cost, for the ledger. @default nothing */
  spendOf?(rows: readonly Row[]): readonly SpendEntry[];
  /** Called once a block is durable, before it is delivered. `rows`: none when an earlier process wrote it. */
  onDurable?(block: Pick<Block, "token" | "spend">, rows: readonly Row[]): void;
  readonly setAsideBytesMax?: number;
  readonly keptBytesMax?: number;
  readonly writeFile?: WriteFileDurably;
}
