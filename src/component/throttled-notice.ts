import type { Clock } from "../support/clock.ts";
import type { Notice, Notify } from "./notice.ts";

/** How many of an event were kept back since the last one that was told. */
interface Told {
  readonly atMonotonic: number;
  keptBack: number;
}

/**
 * Passes each event on at once, but not again within `intervalMs`: what a dead backend or a full queue would say a
 * thousand times. The next one says how many were kept back. The number of different events is small by nature.
 */
export function throttled(notify: Notify, options: { readonly clock: Clock; readonly intervalMs: number }): Notify {
  const { clock, intervalMs } = options;
  const told = new Map<string, Told>();
  return (notice: Notice): void => {
    const now = clock.monotonic();
    const last = told.get(notice.event);
    if (last !== undefined && now - last.atMonotonic < intervalMs) {
      last.keptBack += 1;
      return;
    }
    told.set(notice.event, { atMonotonic: now, keptBack: 0 });
    const keptBack = last?.keptBack ?? 0;
    notify(keptBack === 0 ? notice : { ...notice, fields: { ...notice.fields, kept_back: keptBack } });
  };
}
