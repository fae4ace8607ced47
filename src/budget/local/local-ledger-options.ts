import type { Clock } from "../../support/clock.ts";
import type { NextTurn } from "../../support/next-turn.ts";
import type { Budget } from "../budget.ts";
import type { LedgerNotice } from "../ledger-notice.ts";
import type { LedgerState } from "../rules/state.ts";
import type { Disk } from "./disk.ts";

/** Options of `createLocalLedger(options)` (src/budget/local/create-local-ledger.ts). */
export interface LocalLedgerOptions {
  /** Directory of the journal; made if it isn't there. One process at a time. */
  readonly dir: string;
  /** What `parseBudget` made; names unique. */
  readonly budgets: readonly Budget[];
  readonly clock: Clock;
  /** A lease without a message for this long has expired. @default 30000 */
  readonly leaseTtlMs?: number;
  /** How long an expired lease's money waits for its spans before what is left comes free. @default 900000 */
  readonly graceMs?: number;
  /** How often other leases are asked to give back while an acquire waits. @default 200 */
  readonly recallIntervalMs?: number;
  /** A journal segment that grew past this is replaced by a snapshot. @default 67108864 */
  readonly segmentBytesMax?: number;
  /** Whether budgets whose past this ledger does not know wait for it: see `PastSeeking`. @default false */
  readonly seeksPast?: boolean;
  /** Where the journal is. @default the file system; tests put a failing disk here, the simulation one that crashes */
  readonly disk?: Disk;
  /** How long a group gathers. @default a turn of the event loop; the simulation gives each its own */
  readonly nextTurn?: NextTurn;
  /** Source of jitter in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Called at each start with the state that the ledger lives on, to look at and never to change: for the simulation's checks. */
  readonly onState?: (state: LedgerState) => void;
  /** Things that a log should say. Never throws. */
  readonly onNotice?: (notice: LedgerNotice) => void;
}
