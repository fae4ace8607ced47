import type { GovernanceDesk, PutOutcome, WantedGovernance } from "../../../src/api/governance.ts";

export const SHOP_POLICY = { kind: "policy", name: "shop", allow: ["read_*"] };

/** One policy in force that `ada` applied; answers what a test tells it. */
export class FakeGovernanceDesk implements GovernanceDesk {
  readonly asked: WantedGovernance[] = [];
  answer: PutOutcome = { outcome: "applied", version: "v2", changes: [], notes: ["a note"] };

  state(): ReturnType<GovernanceDesk["state"]> {
    const documents = [{ kind: "policy", name: "shop", file: "shop.yaml", value: SHOP_POLICY }];
    return { version: "v1", author: "ada", appliedAtMs: 0, refusal: { problems: ["p"] }, documents };
  }

  async put(wanted: WantedGovernance): Promise<PutOutcome> {
    this.asked.push(wanted);
    return this.answer;
  }
}
