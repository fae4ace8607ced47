import { FAILURES_MAX } from "../protocol.ts";
import type { CloseRequest } from "../protocol.ts";
import { toWire } from "./amounts.ts";
import type { Lease } from "./lease.ts";

/** A process whose gate fails again and again says so this often. */
export const FAILURES_MS = 5_000;

/** How often the gate of this process has failed inside, and how much of that the processor knows. */
export class ToldFailures {
  readonly #read: () => number;
  #told = 0;

  constructor(read: () => number = () => 0) {
    this.#read = read;
  }

  get isNews(): boolean {
    return this.#count > this.#told;
  }

  /** As messages carry it: absent while there is none. */
  get said(): { readonly failures?: number } {
    const failures = this.#count;
    return failures === 0 ? {} : { failures };
  }

  /** The processor has taken a message. */
  heard({ failures = 0 }: { readonly failures?: number | undefined }): void {
    this.#told = failures;
  }

  get #count(): number {
    return Math.min(this.#read(), FAILURES_MAX);
  }
}

/** What leases report when they are closed. */
export function lastReport(processId: string, failures: ToldFailures, leases: readonly Lease[]): CloseRequest {
  const reports = leases.map(({ id, books }) => ({ lease_id: id, settled: toWire(books.settled) }));
  return { process_id: processId, ...failures.said, leases: reports };
}
