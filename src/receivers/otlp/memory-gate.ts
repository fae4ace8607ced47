/** What a call may hold: asked for before its bytes are there, corrected when they are, given back when it is done. */
export interface Reservation {
  /** Resolves when the memory is there; never, when it was released before. */
  readonly granted: Promise<void>;
  /** Holds `bytes` if there is room for what is missing; else holds what it held, and says false. Granted ones only. */
  tryGrowTo(bytes: number): boolean;
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
  /** Who waits, by owner; the owner that is next comes first. */
  readonly #waiting = new Map<string, Waiter[]>();
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isContended(): boolean {
    return this.#waiting.size > 0;
  }

  /** Holds nothing yet: for who learns how much it needs as it goes on, and asks by `tryGrowTo`. */
  reserveNothing(): Reservation {
    return this.#reservation({ bytes: 0, owner: "", isGranted: true });
  }

  /** Owners take turns, so that none is held up by how much another asks for; of one owner, in the order of asking. */
  reserve(bytes: number, owner = ""): Reservation {
    return this.#reservation({ bytes, owner, isGranted: false });
  }

  #reservation({ bytes, owner, isGranted }: { bytes: number; owner: string; isGranted: boolean }): Reservation {
    const { promise: granted, resolve } = Promise.withResolvers<void>();
    let held = 0;
    const hold = (missing: number): void => {
      held += missing;
      this.#taken += missing;
    };
    const waiter: Waiter = {
      bytes,
      grant: () => {
        hold(bytes);
        resolve();
      },
    };
    const shrinkTo = (wanted: number): void => {
      hold(-Math.max(0, held - wanted));
      this.#grantInTurn();
    };
    if (isGranted) waiter.grant();
    else this.#queue(owner, waiter);
    return {
      granted,
      tryGrowTo: (wanted) => {
        const missing = Math.max(0, wanted - held);
        const isRoom = missing === 0 || this.#taken === held || this.#taken + missing <= this.#bytesMax;
        if (isRoom) hold(missing);
        return isRoom;
      },
      shrinkTo,
      release: () => {
        this.#leave(owner, waiter);
        shrinkTo(0);
      },
    };
  }

  #queue(owner: string, waiter: Waiter): void {
    const queue = this.#waiting.get(owner);
    if (queue === undefined) this.#waiting.set(owner, [waiter]);
    else queue.push(waiter);
    this.#grantInTurn();
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#bytesMax;
  }

  #grantInTurn(): void {
    for (const [owner, queue] of this.#waiting) {
      const [waiter] = queue;
      if (waiter === undefined || !this.#fits(waiter.bytes)) return;
      queue.shift();
      this.#waiting.delete(owner);
      // Behind the others: a Map that is changed while it is gone through comes to it again.
      if (queue.length > 0) this.#waiting.set(owner, queue);
      waiter.grant();
    }
  }

  #leave(owner: string, waiter: Waiter): void {
    const queue = this.#waiting.get(owner);
    const index = queue?.indexOf(waiter) ?? -1;
    if (queue === undefined || index < 0) return;
    queue.splice(index, 1);
    if (queue.length === 0) this.#waiting.delete(owner);
  }
}
