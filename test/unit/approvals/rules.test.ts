import { describe, expect, it } from "vitest";
import { type Act, type ApprovalRequest, isOpen, stateAt, type Terms } from "../../../src/approvals/request.ts";
import { actDigest, answered, newRequest, used } from "../../../src/approvals/rules.ts";
import { termsBy } from "../../../src/approvals/terms.ts";

const ACT: Act = {
  kind: "tool",
  agent: "editor",
  session: "s-1",
  user: "carol",
  tool: "write_file",
  argumentsJson: '{"path":"a.txt"}',
  argumentsDigest: "a".repeat(64),
  policy: "files",
  policyVersion: "1",
  rule: "require_approval: write_*",
  reason: "writes are asked for",
};
const TERMS: Terms = { quorum: 1, expireAfterMs: 1_000, useWithinMs: 500, barred: [] };
const USE = { act: actDigest(ACT), useId: "u".repeat(16) };

function request(terms: Partial<Terms> = {}): ApprovalRequest {
  return newRequest(ACT, { id: "apr_1", terms: { ...TERMS, ...terms }, nowMs: 0 });
}

function answerBy(of: ApprovalRequest, by: string, more: { answer?: "deny"; edited?: string; atMs?: number } = {}) {
  const { answer = "approve", edited, atMs = 10 } = more;
  const changed = edited === undefined ? {} : { edited: { json: edited, digest: `digest of ${edited}` } };
  return answered(of, { by, answer, comment: "", via: "api", ...changed }, atMs);
}

function after(outcome: ReturnType<typeof answered>): ApprovalRequest {
  if (outcome.outcome !== "answered") throw new Error(`not answered: ${outcome.outcome}`);
  return outcome.request;
}

describe("an approval", () => {
  it("is bound to the arguments, the agent, the session and the policy's version", () => {
    const others: readonly Partial<Act>[] = [
      { argumentsDigest: "b".repeat(64) },
      { agent: "other" },
      { session: "s-2" },
      { policyVersion: "2" },
      { tool: "write_file2" },
      { kind: "budget" },
    ];
    const approved = after(answerBy(request(), "alice"));
    for (const other of others) {
      const act = actDigest({ ...ACT, ...other });
      expect(used(approved, { ...USE, act }, 20).outcome, JSON.stringify(other)).toBe("other_act");
    }
    expect(actDigest({ ...ACT, reason: "other words" })).toBe(actDigest(ACT));
  });

  it("is used once, and the same use asked for again is the same use", () => {
    const first = used(after(answerBy(request(), "alice")), USE, 20);
    if (first.outcome !== "used") throw new Error(first.outcome);
    expect(used(first.request, USE, 30)).toMatchObject({ outcome: "used", isNew: false });
    expect(used(first.request, { ...USE, useId: "v".repeat(16) }, 30)).toEqual({
      outcome: "not_approved",
      state: "consumed",
    });
  });

  it("is over when it is not used in time, and so is a question that nobody answers", () => {
    const approved = after(answerBy(request(), "alice", { atMs: 999 }));
    expect(stateAt(approved, 999 + 499)).toBe("approved");
    expect(used(approved, USE, 999 + 500)).toEqual({ outcome: "not_approved", state: "expired" });
    expect(answerBy(request(), "alice", { atMs: 1_000 }).outcome).toBe("ended");
  });

  it("needs as many different people as the quorum says", () => {
    const once = after(answerBy(request({ quorum: 2 }), "alice"));
    expect(stateAt(once, 20)).toBe("pending");
    expect(answerBy(once, "alice").outcome).toBe("repeated");
    expect(stateAt(after(answerBy(once, "bob")), 20)).toBe("approved");
  });

  it("given for other arguments does not count towards the quorum", () => {
    const once = after(answerBy(request({ quorum: 2 }), "alice"));
    const edited = after(answerBy(once, "bob", { edited: '{"path":"b.txt"}' }));
    expect(stateAt(edited, 20)).toBe("pending");
    const agreed = after(answerBy(edited, "alice"));
    expect(stateAt(agreed, 20)).toBe("approved");
    expect(agreed.edited).toMatchObject({ json: '{"path":"b.txt"}', by: "bob" });
  });

  it("is for the arguments that the person was shown, where it says which those were", () => {
    const shown = (of: ApprovalRequest, digest: string) =>
      answered(of, { by: "alice", answer: "approve", comment: "", via: "api", shown: digest }, 10).outcome;
    expect(shown(request(), ACT.argumentsDigest)).toBe("answered");
    const edited = after(answerBy(request({ quorum: 2 }), "bob", { edited: '{"path":"b.txt"}' }));
    expect(shown(edited, ACT.argumentsDigest)).toBe("other_arguments");
    expect(shown(edited, 'digest of {"path":"b.txt"}')).toBe("answered");
  });

  it("is not given by who answers for the agent, who may refuse it all the same", () => {
    const barred = { barred: ["alice"] };
    expect(answerBy(request(barred), "alice").outcome).toBe("barred");
    expect(stateAt(after(answerBy(request(barred), "alice", { answer: "deny" })), 20)).toBe("denied");
  });

  it("refused by one is refused, for as long as the question would have stood", () => {
    const denied = after(answerBy(after(answerBy(request({ quorum: 2 }), "alice")), "bob", { answer: "deny" }));
    expect(stateAt(denied, 20)).toBe("denied");
    expect(isOpen(denied, 999)).toBe(true);
    expect(isOpen(denied, 1_000)).toBe(false);
    expect(answerBy(denied, "carol").outcome).toBe("ended");
  });
});

it("takes its terms from the first rule that matches agent and tool", () => {
  const rules = {
    quorum: 1,
    expire_after_ms: 10,
    use_within_ms: 20,
    separation_of_duties: true,
    rules: [{ agents: ["*"], tools: ["iam_*"], quorum: 2, separation_of_duties: false }],
  };
  const termsOf = termsBy(rules, () => ["dave"]);
  expect(termsOf({ ...ACT, tool: "iam_grant" })).toEqual({
    quorum: 2,
    expireAfterMs: 10,
    useWithinMs: 20,
    barred: [],
  });
  expect(termsOf(ACT).barred).toEqual(["dave", "carol"]);
});
