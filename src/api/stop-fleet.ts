/** Joins this processor's streams and desk to the other processors that share its acts. */
import type { StoppedReport } from "@tollgate/instrumentation/protocol";
import type { Acknowledgements } from "../kill/acknowledgements.ts";
import type { SharedStops } from "../kill/shared-stops.ts";
import type { SharedRecord } from "../support/shared-record.ts";
import type { ControlStreams } from "./control.ts";
import type { StopDesk } from "./stop-desk.ts";
import type { StopPeers } from "./stop-peers.ts";

export interface StopFleetOptions {
  readonly shared: SharedRecord;
  readonly stops: Pick<SharedStops, "look" | "onNews">;
}

export interface StopFleet {
  /** Reads what other processors did. */
  readonly look: () => Promise<void>;
  /** A process has said here that it applied a list. */
  readonly heard: (report: StoppedReport) => void;
  readonly leave: () => void;
}

export function joinFleet(
  { stops }: StopFleetOptions,
  parts: {
    readonly peers: StopPeers;
    readonly desk: StopDesk;
    readonly control: ControlStreams;
    readonly acknowledgements: Acknowledgements;
  },
): StopFleet {
  const { peers, desk, control, acknowledgements } = parts;
  stops.onNews(() => control.sendStops());
  peers.start({
    push: async (selectors, waitMs) => {
      await stops.look();
      return desk.pushHere(selectors, waitMs);
    },
    heard: (report) => acknowledgements.heard(report),
  });
  return {
    look: () => stops.look(),
    heard: (report) => {
      // One that listens to another processor: a balancer stands before them.
      if (!control.isListening(report.process_id)) peers.forward(report);
    },
    leave: () => peers.stop(),
  };
}
