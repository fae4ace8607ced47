import { add, covers, NO_AMOUNTS, subtract } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import type { Books, Reservation } from "./purse.ts";

export interface LeaseReservationOptions {
  readonly leaseId: string;
  readonly books: Books;
  /** Some of it is free again, or spent. */
  readonly onFreed: () => void;
}

/** What one call holds of a lease. One object, because it lives as long as the call does. */
export class LeaseReservation implements Reservation {
  readonly #lease: LeaseReservationOptions;
  #amounts: Amounts;
  #isOpen = true;

  constructor(lease: LeaseReservationOptions, amounts: Amounts) {
    this.#lease = lease;
    this.#amounts = amounts;
    lease.books.inFlight = add(lease.books.inFlight, amounts);
  }

  get leaseId(): string {
    return this.#lease.leaseId;
  }

  get amounts(): Amounts {
    return this.#amounts;
  }

  shrinkTo(amounts: Amounts): void {
    if (!this.#isOpen || !covers(this.#amounts, amounts)) return;
    const { books, onFreed } = this.#lease;
    books.inFlight = subtract(books.inFlight, subtract(this.#amounts, amounts));
    this.#amounts = amounts;
    onFreed();
  }

  settle(actual: Amounts): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { books, onFreed } = this.#lease;
    books.inFlight = subtract(books.inFlight, this.#amounts);
    books.settled = add(books.settled, actual);
    onFreed();
  }

  release(): void {
    this.settle(NO_AMOUNTS);
  }
}
