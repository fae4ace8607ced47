import { describe, expect, it } from "vitest";
import type { NewChange } from "../../../src/changes/change-log.ts";
import { LedgerFindings } from "../../../src/service/ledger-findings.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function findings(): { readonly on: LedgerFindings; readonly recorded: NewChange[]; readonly clock: ManualClock } {
  const recorded: NewChange[] = [];
  const clock = new ManualClock();
  const on = new LedgerFindings({
    clock,
    recordChange: async (change) => void recorded.push(change),
    onFailure: (error) => {
      throw error;
    },
  });
  return { on, recorded, clock };
}

describe("what the ledger finds wrong in reports", () => {
  it("is put on record: above the grant, for another's lease, for nobody's, amounts that are none, a store that forgot", () => {
    const { on, recorded } = findings();
    on.note({ notice: "lease_overran", leaseId: "l1", processId: "p1" });
    on.note({ notice: "report_stray", leaseId: "l2", processId: "p1", of: "foreign" });
    on.note({ notice: "report_stray", leaseId: "l3", processId: "p1", of: "unknown" });
    on.note({ notice: "observation_refused", token: "t1", entries: 2 });
    on.note({ notice: "store_lost_writes", acknowledged: 9, found: 7 });
    expect(recorded).toEqual([
      { author: "ledger", action: "report.overran", subject: "l1", after: { process_id: "p1" } },
      { author: "ledger", action: "report.foreign", subject: "l2", after: { process_id: "p1" } },
      { author: "ledger", action: "report.unknown", subject: "l3", after: { process_id: "p1" } },
      { author: "ledger", action: "spans.refused", subject: "t1", after: { entries: 2 } },
      { author: "ledger", action: "store.lost_writes", subject: "ledger", after: { acknowledged: 9, found: 7 } },
    ]);
  });

  it("is put on record once for each lease, however often it is said", () => {
    const { on, recorded } = findings();
    for (let time = 0; time < 5; time += 1) on.note({ notice: "lease_overran", leaseId: "l1", processId: "p1" });
    expect(recorded).toHaveLength(1);
  });

  it("fills no disk: what one minute has too many of is one record in the next", () => {
    const { on, recorded, clock } = findings();
    const note = (id: number): void =>
      on.note({ notice: "report_stray", leaseId: `l${id}`, processId: "p1", of: "unknown" });
    for (let id = 0; id < 100; id += 1) note(id);
    expect(recorded).toHaveLength(60);
    clock.advance(60_000);
    note(100);
    expect(recorded.slice(60)).toMatchObject([{ action: "report.more", after: { count: 40 } }, { subject: "l100" }]);
  });

  it("leaves out what nobody has to answer for", () => {
    const { on, recorded } = findings();
    on.note({ notice: "lease_expired", leaseId: "l1", processId: "p1" });
    expect(recorded).toEqual([]);
  });
});
