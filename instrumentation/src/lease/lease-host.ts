import type { AcquireReply, AcquireRequest } from "../protocol.ts";
import type { Clock } from "./clock.ts";
import type { Lease } from "./lease.ts";
import type { Answer } from "./transport.ts";
import type { Waiter } from "./waiting-line.ts";

/** What a lease needs of the process that it is of. */
export interface LeaseHost {
  readonly processId: string;
  readonly clock: Clock;
  readonly newId: () => string;
  /** How long a call waits for money that others hold and have not spent. */
  readonly waitMs: number;
  /** Settles what calls have put off. */
  catchUp(): void;
  acquire(lease: Lease, request: AcquireRequest): Promise<Answer<AcquireReply>>;
  /** The ledger forgot this lease: report what it still settles, and move its waiting calls to a new one. */
  onLost(lease: Lease, waiting: readonly Waiter[]): void;
  /** Its agent was killed: report what it still settles, and refuse its waiting calls. */
  onKilled(lease: Lease, waiting: readonly Waiter[], reason: string): void;
  onGovernance(version: string): void;
}
