import type { FlowSource } from "../component/flow.ts";
import type { Clock } from "../support/clock.ts";

/** What waits at the end of a pipeline. `undefined`: that exporter does not know. */
export interface Queue {
  readonly blocks: number;
  readonly items: number;
  readonly bytes: number;
  readonly bytesMax: number | undefined;
  /** Of the oldest block that is not delivered; 0 when there is none. */
  readonly oldestAgeMs: number;
  readonly setAsideFiles: number | undefined;
  readonly recentEvictedEarly: number | undefined;
}

export interface QueueSource {
  /** Path of the exporter in tollgate.yaml. */
  readonly component: string;
  readonly signal: FlowSource["signal"];
  read(): Queue;
}

/** What a spool says of itself beside its count equation. */
export interface SpoolFigures {
  readonly inFlight: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly bytesMax?: number;
  /** Unix ms at which the oldest undelivered block was made. */
  readonly oldestUnixMs?: number | undefined;
  readonly setAsideFiles?: number;
  readonly recentEvictedEarly?: number;
}

/** Reads a spool's figures as a queue; a clock that went back makes no negative age. */
export function queueOf(figures: SpoolFigures, clock: Clock): Queue {
  const { inFlight, blocks, bytes, bytesMax, oldestUnixMs, setAsideFiles, recentEvictedEarly } = figures;
  return {
    blocks,
    items: inFlight,
    bytes,
    bytesMax,
    oldestAgeMs: oldestUnixMs === undefined ? 0 : Math.max(0, clock.now() - oldestUnixMs),
    setAsideFiles,
    recentEvictedEarly,
  };
}
