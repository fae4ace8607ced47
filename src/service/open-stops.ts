import type { StopFleetOptions } from "../api/stop-fleet.ts";
import { SharedStops } from "../kill/shared-stops.ts";
import { type StopKeeper, StopStore } from "../kill/stop-store.ts";
import type { Clock } from "../support/clock.ts";
import type { SharedRecord } from "../support/shared-record.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { StartedParts } from "./started-parts.ts";

/** What people have stopped, and where several processors share it, those others. */
export interface OpenStops {
  readonly keeper: StopKeeper;
  readonly fleet?: StopFleetOptions;
}

/** Reads what is stopped; rejects when that cannot be trusted. `shared`: absent with a ledger of this processor alone. */
export async function openStops({
  file,
  shared,
  clock,
  telemetry,
  parts,
}: {
  readonly file: string;
  readonly shared: SharedRecord | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly parts: StartedParts;
}): Promise<OpenStops> {
  const store = new StopStore({ file, clock });
  store.load();
  if (shared === undefined) return { keeper: store };
  const stops = new SharedStops({
    store,
    shared,
    clock,
    onDamage: (error) => telemetry.emit("stops_damaged", { error: errorText(error) }),
  });
  await parts.start("stops", stops);
  return { keeper: stops, fleet: { shared, stops } };
}
