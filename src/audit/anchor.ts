/**
 * Where heads of the log go beside the database: a place that whoever can change the database cannot. A place that is away delays
 * nothing: the newest head is brought again until it is there, and holds all before it.
 */
import { appendFile } from "node:fs/promises";
import { type Checkpoint, checkpointHash } from "./checkpoint.ts";

export interface Anchor {
  /** For messages. */
  readonly name: string;
  /** Rejects when the head could not be kept; the next one holds it too. */
  keep(checkpoint: Checkpoint): Promise<void>;
}

/** A head as it is kept: the signed checkpoint without its leaves. */
export function anchoredHead(checkpoint: Checkpoint): object {
  const { log, number, size, root, time, previous, key, signature } = checkpoint;
  return { log, number, size, root, time, previous, key, signature, hash: checkpointHash(checkpoint) };
}

/** One line of JSON for each head, added to a file. */
export function fileAnchor(file: string): Anchor {
  return {
    name: file,
    keep: (checkpoint) => appendFile(file, `${JSON.stringify(anchoredHead(checkpoint))}\n`, { mode: 0o600 }),
  };
}

const REQUEST_TIMEOUT_MS = 5_000;

/** POST of each head as JSON. */
export function httpAnchor(url: string, headers: Readonly<Record<string, string>>): Anchor {
  return {
    name: new URL(url).origin,
    async keep(checkpoint) {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(anchoredHead(checkpoint)),
        redirect: "error",
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
  };
}

interface Place {
  readonly anchor: Anchor;
  /** The newest head that is not there yet. */
  waiting: Checkpoint | undefined;
  attempt: Promise<void> | undefined;
}

/** Brings heads to anchors: to each in its own time, one at a time. */
export class HeadDelivery {
  readonly #places: readonly Place[];
  readonly #onFailure: (anchor: Anchor, error: unknown) => void;

  constructor(options: {
    readonly anchors: readonly Anchor[];
    readonly onFailure: (anchor: Anchor, error: unknown) => void;
  }) {
    this.#places = options.anchors.map((anchor) => ({ anchor, waiting: undefined, attempt: undefined }));
    this.#onFailure = options.onFailure;
  }

  /** Anchors that the newest head has not reached. */
  get behind(): number {
    return this.#places.filter(({ waiting }) => waiting !== undefined).length;
  }

  /** The newest head from now on. */
  offer(checkpoint: Checkpoint): void {
    for (const place of this.#places) place.waiting = checkpoint;
  }

  /** Tries where something waits and no attempt runs. Resolves when all attempts are over; never rejects. */
  async deliver(): Promise<void> {
    await Promise.all(
      this.#places.map((place) => {
        place.attempt ??= this.#bring(place).finally(() => {
          place.attempt = undefined;
        });
        return place.attempt;
      }),
    );
  }

  async #bring(place: Place): Promise<void> {
    for (let { waiting } = place; waiting !== undefined; { waiting } = place) {
      try {
        await place.anchor.keep(waiting);
      } catch (error) {
        this.#onFailure(place.anchor, error);
        return;
      }
      // A newer one may have come meanwhile.
      if (place.waiting === waiting) place.waiting = undefined;
    }
  }
}
