/**
 * What a processor knows of acts and what its fleet knows, made one. Promise: no act in force is lost by it, whichever side
 * forgot. What was lifted stays lifted, unless the fleet's store came back with less than it had.
 */
import { FORK, type StopRecord } from "./stop-store.ts";

/** What all hold from here on. `isNews`: the fleet's record has to be written. */
export interface MergedStops {
  readonly record: StopRecord;
  readonly isNews: boolean;
}

export function mergeStops(shared: StopRecord | undefined, here: StopRecord): MergedStops {
  if (shared === undefined) {
    const { list, handled } = here;
    return { record: { list, handled, pending: [] }, isNews: list.revision > 0 || handled.length > 0 };
  }
  const { epoch, revision } = shared.list;
  if (epoch === here.list.epoch && here.list.revision > revision) {
    // The store has forgotten what it acknowledged.
    return { record: { ...here, pending: [] }, isNews: true };
  }
  const isOfFleet = here.list.epoch === epoch || here.list.epoch.startsWith(epoch + FORK);
  const pending = isOfFleet && here.pending !== undefined ? new Set(here.pending) : undefined;
  const known = new Set(shared.list.acts.map(({ id }) => id));
  const added = here.list.acts.filter(({ id }) => !known.has(id) && pending?.has(id) !== false);
  if (epoch === here.list.epoch || added.length === 0) return { record: { ...shared, pending: [] }, isNews: false };
  const sources = added.flatMap(({ source }) => source ?? []);
  const list = { epoch, revision: revision + 1, acts: [...shared.list.acts, ...added] };
  const handled = [...new Set([...shared.handled, ...sources])];
  return { record: { list, handled, pending: [] }, isNews: true };
}
