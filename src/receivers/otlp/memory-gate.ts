/** What a call may hold: asked for before its bytes are read, corrected when they are there, given back when it is done. */
export interface Reservation {
  /** Resolves when the memory is there; never, when it was released before. */
  readonly granted: Promise<void>;
  /** Gives back what is over `bytes`. */
  shrinkTo(bytes: number): void;
  /** Gives back everything, or leaves the queue; again is a no-op. */
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/** Bounds the bytes of all messages being worked on. Whoever asks alone always gets: one message may be larger than the bound. */
export class MemoryGate {
  readonly #bytesMax: number;
  readonly #waiting = new Set<Waiter>();
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** At once, or `undefined`. */
  tryReserve(bytes: number): Reservation | undefined {
    return this.#waiting.size === 0 && this.#fits(bytes) ? this.reserve(bytes) : undefined;
  }

  /** In the order of asking. */
  reserve(bytes: number): Reservation {
    const { promise: granted, resolve } = Promise.withResolvers<void>();
    let held = 0;
    const waiter: Waiter = {
      bytes,
      grant: () => {
        held = bytes;
        this.#taken += bytes;
        resolve();
      },
    };
    this.#waiting.add(waiter);
    this.#grantInOrder();
    const shrinkTo = (wanted: number): void => {
      const surplus = Math.max(0, held - wanted);
      held -= surplus;
      this.#taken -= surplus;
      this.#grantInOrder();
    };
    return {
      granted,
      shrinkTo,
      release: () => {
        this.#waiting.delete(waiter);
        shrinkTo(0);
      },
    };
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#bytesMax;
  }

  #grantInOrder(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.bytes)) return;
      this.#waiting.delete(waiter);
      waiter.grant();
    }
  }
}
