import { describe, expect, it } from "vitest";
import {
  ApprovalDenied,
  ApprovalPending,
  ConfigInvalid,
  findTollgateError,
  ToolDenied,
} from "../../../../instrumentation/src/errors.ts";
import { Policy, POLICY_TEMPLATES } from "../../../../instrumentation/src/policy/index.ts";
import type { ApprovalRequest, PolicyTemplate } from "../../../../instrumentation/src/policy/index.ts";

const clock = () => new Date("2026-11-21T03:12:00.000Z");
const options = {
  name: "p",
  allow: ["read_*", "both"],
  requireApproval: ["write_*", "both"],
  deny: ["drop_*"],
  forbid: ["iam_*"],
  clock,
};

/** The error that a promise rejects with. */
async function rejection(promise: unknown): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

describe("check", () => {
  const policy = new Policy(options);

  it.each([
    ["read_x", { decision: "allow", allowed: true, denied: false, needsApproval: false }],
    ["write_x", { decision: "require_approval", allowed: false, denied: false, needsApproval: true }],
    ["both", { decision: "require_approval", allowed: false, denied: false, needsApproval: true }],
    ["drop_x", { decision: "deny", allowed: false, denied: true, needsApproval: false }],
    ["iam_x", { decision: "forbid", allowed: false, denied: true, needsApproval: false }],
    ["other", { decision: "deny", allowed: false, denied: true, needsApproval: false, rule: "default" }],
  ])("says of %s what may be done", (tool, expected) => {
    expect(policy.check(tool)).toMatchObject({ tool, ...expected });
  });

  it("sees the context that conditions ask for", () => {
    const rules = [
      { name: "prod", effect: "deny", when: 'environment == "production" && "write" in tool.actions' },
    ] as const;
    const careful = new Policy({ name: "p", default: "allow", rules });
    expect(careful.check("x", {}, { environment: "production", actions: ["write"] }).decision).toBe("deny");
    expect(careful.check("x", {}, { environment: "staging", actions: ["write"] }).decision).toBe("allow");
  });

  it("holds for every agent, whomever the document is for", () => {
    expect(new Policy({ ...options, agents: ["db-*"] }).check("read_x", {}, { agent: { name: "web" } }).allowed).toBe(
      true,
    );
  });
});

describe("enforce", () => {
  it("returns the frozen arguments of what is allowed", () => {
    expect(new Policy(options).enforce("read_x", { id: 1 })).toMatchObject({ allowed: true, args: { id: 1 } });
  });

  it.each(["drop_x", "iam_x", "other"])("throws for %s at once, with tool, rule and reason", (tool) => {
    const policy = new Policy(options);
    const check = policy.check(tool);
    expect(() => policy.enforce(tool)).toThrow(ToolDenied);
    expect(() => policy.enforce(tool)).toThrow(
      expect.objectContaining({ code: "tool_denied", tool, rule: check.rule, reason: check.reason }),
    );
  });

  it.each([true, 1, "yes", {}])("runs what the approver answers %j to", async (answer) => {
    const asked: ApprovalRequest[] = [];
    const onApproval = async (request: ApprovalRequest) => {
      asked.push(request);
      return answer;
    };
    const check = await new Policy({ ...options, onApproval }).enforce("write_x", { id: 1 });
    const { argumentsDigest } = check;
    expect(check).toMatchObject({ allowed: true, needsApproval: false, decision: "require_approval", args: { id: 1 } });
    expect(asked).toMatchObject([{ tool: "write_x", args: { id: 1 }, argumentsDigest, policy: "p" }]);
  });

  it.each([false, 0, "", null, undefined])("does not run what the approver answers %j to", async (answer) => {
    const policy = new Policy({ ...options, onApproval: () => answer });
    expect(await rejection(policy.enforce("write_x"))).toBeInstanceOf(ApprovalDenied);
    expect(policy.auditLog.at(-1)).toMatchObject({ decision: "require_approval", approval: "denied" });
  });

  it("does not run what nobody is there to approve", () => {
    const policy = new Policy(options);
    expect(() => policy.enforce("write_x")).toThrow(ApprovalPending);
    expect(policy.auditLog.at(-1)?.approval).toBe("nobody_asked");
  });

  it("does not run what failed to be approved, and keeps the cause", async () => {
    const cause = new Error("the pager is down");
    const failing = new Policy({
      ...options,
      onApproval: () => {
        throw cause;
      },
    });
    expect(await rejection(failing.enforce("write_x"))).toMatchObject({
      name: "ApprovalDenied",
      code: "approval_denied",
      cause,
    });
    expect(failing.auditLog.at(-1)?.approval).toBe("failed");
  });

  it("does not run what is approved too late", async () => {
    const answer = Promise.withResolvers<boolean>();
    const policy = new Policy({ ...options, onApproval: () => answer.promise, approvalTimeoutMs: 5 });
    expect(await rejection(policy.enforce("write_x"))).toBeInstanceOf(ApprovalPending);
    answer.resolve(true);
    await answer.promise;
    expect(policy.auditLog.at(-1)?.approval).toBe("timed_out");
  });

  it("never asks to approve what is denied or forbidden", () => {
    let asked = 0;
    const onApproval = () => (asked += 1);
    const policy = new Policy({ ...options, onApproval });
    expect(() => policy.enforce("drop_x")).toThrow(ToolDenied);
    expect(() => policy.enforce("iam_x")).toThrow(ToolDenied);
    expect(asked).toBe(0);
  });
});

describe("the audit log", () => {
  it("has every check in its order, with what was decided on and why, and no arguments", () => {
    const policy = new Policy(options);
    policy.check("read_x", { password: "hunter2" }, { agent: { name: "a" }, environment: "staging" });
    policy.check("drop_x");
    expect(policy.auditLog).toMatchObject([
      {
        time: "2026-11-21T03:12:00.000Z",
        tool: "read_x",
        decision: "allow",
        rule: "allow: read_*",
        argumentsDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
        context: { agent: "a", environment: "staging" },
      },
      { tool: "drop_x", decision: "deny", rule: "deny: drop_*", argumentsDigest: "" },
    ]);
    expect(JSON.stringify(policy.auditLog)).not.toContain("hunter2");
  });

  it("can't be changed from outside", () => {
    const policy = new Policy(options);
    policy.check("read_x");
    expect(Object.isFrozen(policy.auditLog) && Object.isFrozen(policy.auditLog[0])).toBe(true);
  });

  it("keeps the newest and counts what it dropped", () => {
    const policy = new Policy({ ...options, auditLogMax: 3 });
    for (let index = 0; index < 20; index += 1) policy.check(`read_${index}`);
    expect(policy.auditLog.map((entry) => entry.tool)).toEqual(["read_17", "read_18", "read_19"]);
    expect(policy.auditLogDropped).toBe(17);
  });
});

describe("a policy as data", () => {
  const rules = [
    { name: "r", effect: "forbid", tools: ["read_*"], when: 'session.label >= label("restricted")', reason: "no" },
  ] as const;

  it("decides the same after toDict and fromDict", () => {
    const policy = new Policy({ ...options, agents: ["x"], rules });
    const copy = Policy.fromDict(JSON.parse(JSON.stringify(policy.toDict())), { clock });
    for (const tool of ["read_x", "write_x", "both", "drop_x", "iam_x", "other"]) {
      for (const label of ["public", "restricted"] as const) {
        expect(copy.check(tool, {}, { session: { label } })).toEqual(policy.check(tool, {}, { session: { label } }));
      }
    }
    expect(copy.toDict()).toEqual(policy.toDict());
  });

  it("names every problem at once", () => {
    const wrong = () => new Policy({ name: "p", allow: ["["], rules: [{ name: "", effect: "deny" }] });
    expect(wrong).toThrow(ConfigInvalid);
    expect(wrong).toThrow(
      expect.objectContaining({
        problems: [expect.stringMatching(/^allow\[0\]: /), expect.stringMatching(/^rules\[0\]\.name: /)],
      }),
    );
    expect(() => new Policy({ name: "p", approvalTimeoutMs: 0 })).toThrow(ConfigInvalid);
    expect(() => new Policy({ name: "p", auditLogMax: Number.NaN })).toThrow(ConfigInvalid);
    expect(() => new Policy({ name: "p", onapproval: () => true } as never)).toThrow(ConfigInvalid);
  });
});

describe("a template", () => {
  it.each<[PolicyTemplate, Record<string, string>]>([
    [
      "database",
      {
        db_read_users: "allow",
        query: "allow",
        sql_explain: "allow",
        db_write_users: "require_approval",
        db_delete_row: "require_approval",
        drop_table: "deny",
        db_truncate_x: "deny",
        grant_role: "forbid",
        read_password: "forbid",
        thread_delete: "require_approval",
        budget: "deny",
      },
    ],
    [
      "email",
      {
        read_inbox: "allow",
        email_search: "allow",
        draft_reply: "require_approval",
        send_email: "require_approval",
        delete_mail: "deny",
        bulk_send: "deny",
        create_filter: "forbid",
        set_auto_forwarding: "forbid",
        unknown: "deny",
      },
    ],
    [
      "code-review",
      {
        read_diff: "allow",
        pr_comment: "allow",
        merge_pr: "require_approval",
        approve: "require_approval",
        push: "deny",
        delete_branch: "deny",
        write_file: "deny",
        get_secret: "forbid",
        edit_branch_protection: "forbid",
      },
    ],
  ])("for %s decides as it says", (template, expected) => {
    const policy = Policy.template(template);
    expect(Object.fromEntries(Object.keys(expected).map((tool) => [tool, policy.check(tool).decision]))).toEqual(
      expected,
    );
  });

  it("for e-mail stops what has read confidential data from leaving", () => {
    const policy = Policy.template("email", { onApproval: () => true });
    expect(policy.check("send_email", {}, { session: { label: "confidential" } })).toMatchObject({
      decision: "forbid",
      rule: "no-exfiltration",
    });
  });

  it("exists under each of its names and no other", () => {
    expect(POLICY_TEMPLATES.map((name) => Policy.template(name as PolicyTemplate).name)).toEqual([
      "database",
      "email",
      "code-review",
      "shell",
      "file-system",
      "browser",
      "payments",
      "cloud",
    ]);
    expect(() => Policy.template("constructor" as never)).toThrow(ConfigInvalid);
  });
});

describe("a typed error", () => {
  it("is found behind the wrapping of an SDK", () => {
    const ours = new ToolDenied({ tool: "x", rule: "r", reason: "y" });
    const wrapped = new Error("Connection error.", { cause: new Error("fetch failed", { cause: ours }) });
    expect(findTollgateError(wrapped)).toBe(ours);
    expect(findTollgateError(new Error("x"))).toBeUndefined();
    expect(findTollgateError("x")).toBeUndefined();
  });
});
