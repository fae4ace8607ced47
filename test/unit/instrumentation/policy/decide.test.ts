import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, decide, parsePolicy } from "../../../../instrumentation/src/policy/index.ts";
import type { CompiledPolicy, Effect, PolicyRequest } from "../../../../instrumentation/src/policy/index.ts";

function policy(document: Readonly<Record<string, unknown>>): CompiledPolicy {
  const parsed = parsePolicy({ name: "p", ...document });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return compilePolicy(parsed.policy);
}

const call = (name: string, request: Partial<PolicyRequest> = {}): PolicyRequest => ({ tool: { name }, ...request });

const DATABASE = policy({
  name: "database",
  version: "7",
  allow: ["db_read_*", "db_write_log"],
  require_approval: ["db_write_*"],
  deny: ["db_drop_*", "*secret*"],
  forbid: ["iam_*"],
});

describe("a decision", () => {
  it.each<[string, Effect, string]>([
    ["db_read_users", "allow", "allow: db_read_*"],
    ["db_write_users", "require_approval", "require_approval: db_write_*"],
    ["db_write_log", "require_approval", "require_approval: db_write_*"],
    ["db_drop_users", "deny", "deny: db_drop_*"],
    ["DB_Drop_Users", "deny", "deny: db_drop_*"],
    ["ＤＢ_drop_users", "deny", "deny: db_drop_*"],
    ["db_read_secret", "deny", "deny: *secret*"],
    ["db_write_secret", "deny", "deny: *secret*"],
    ["iam_secret", "forbid", "forbid: iam_*"],
    ["mail_send", "deny", "default"],
    ["db_read", "deny", "default"],
    ["__proto__", "deny", "default"],
    ["constructor", "deny", "default"],
    ["toString", "deny", "default"],
  ])("on %s is %s by `%s`", (tool, decision, rule) => {
    expect(decide(DATABASE, call(tool))).toMatchObject({ decision, rule, policy: "database", policyVersion: "7" });
  });

  it("gives its reason in words and all the rules that say the same", () => {
    const both = decide(policy({ deny: ["db_*", "*_drop"] }), call("db_drop"));
    expect(both.reason).toBe("`db_drop` matches `db_*` under `deny` in policy `p`");
    expect(both.matched.map((match) => match.rule)).toEqual(["deny: db_*", "deny: *_drop"]);
    expect(decide(policy({}), call("x")).reason).toBe(
      "no rule of policy `p` names `x` or is met, and its default is `deny`",
    );
    const said = policy({ rules: [{ name: "r", effect: "deny", reason: "not on Fridays" }] });
    expect(decide(said, call("x"))).toMatchObject({ rule: "r", reason: "not on Fridays" });
  });

  it.each(["allow", "deny", "require_approval"])("by default may be %s", (effect) => {
    expect(decide(policy({ default: effect }), call("x"))).toMatchObject({ decision: effect, rule: "default" });
  });

  it("is the strictest of what is met, for any set of rules", () => {
    const effects: readonly Effect[] = ["allow", "require_approval", "deny", "forbid"];
    fc.assert(
      fc.property(
        fc.array(fc.record({ effect: fc.constantFrom(...effects), met: fc.boolean() }), { maxLength: 8 }),
        (rules) => {
          const document = {
            rules: rules.map(({ effect, met }, index) => ({ name: `r${index}`, effect, when: String(met) })),
          };
          const met = rules.filter((rule) => rule.met).map((rule) => effects.indexOf(rule.effect));
          const strictest = met.length === 0 ? "deny" : effects[Math.max(...met)];
          expect(decide(policy(document), call("x")).decision).toBe(strictest);
        },
      ),
    );
  });
});

describe("what was decided on a name", () => {
  it("is remembered where names come again and again, also many that look alike and take turns", () => {
    const names = Array.from({ length: 200 }, (_, index) => `db_read_a_long_name_${index}_of_a_table_with_orders`);
    for (let time = 0; time < 250; time += 1) for (const name of names) decide(DATABASE, call(name));
    expect(names.filter((name) => decide(DATABASE, call(name)) === decide(DATABASE, call(name)))).toEqual(names);
  });

  it("stays what it is for every name of many, once and again", () => {
    const of = (index: number) => `${index % 2 === 0 ? "db_read" : "db_drop"}_${index}`;
    for (const round of [1, 2, 3]) {
      for (let index = 0; index < 5_000; index += 1) {
        const { decision, tool, reason } = decide(DATABASE, call(of(index)));
        const expected = [index % 2 === 0 ? "allow" : "deny", of(index), true, round];
        expect([decision, tool, reason.includes(`\`${of(index)}\``), round]).toEqual(expected);
      }
    }
  });
});

describe("a condition that can't be evaluated", () => {
  const failing = (effect: Effect) => ({ name: "r", effect, tools: ["x"], when: "args.missing == 1" });
  const on = (document: Readonly<Record<string, unknown>>, tool = "x") =>
    decide(policy(document), call(tool, { args: {} }));
  const error = "No such key: missing";
  const reason = `the condition of rule \`r\` (rules[1].when) failed: ${error}`;

  it.each<Effect>(["deny", "forbid", "require_approval", "allow"])(
    "in %s denies, whatever else lets the call by",
    (effect) => {
      const rules = [{ name: "other", effect: "deny", tools: ["other"] }, failing(effect)];
      for (const others of [
        { default: "allow" },
        { allow: ["*"] },
        { require_approval: ["*"] },
        { default: "require_approval" },
      ]) {
        const decision = on({ ...others, rules });
        expect(decision).toMatchObject({ decision: "deny", rule: "r", reason });
        expect(decision.matched).toEqual([{ policy: "p", rule: "r", effect, error }]);
        expect(on({ ...others, rules }, "y").decision).not.toBe("deny");
      }
    },
  );

  it("is named beside what denies, and stands below what is forbidden", () => {
    const denied = on({ deny: ["x"], rules: [failing("allow")] });
    expect(denied).toMatchObject({ decision: "deny", rule: "deny: x" });
    expect(denied.matched).toEqual([
      { policy: "p", rule: "deny: x", effect: "deny" },
      { policy: "p", rule: "r", effect: "allow", error },
    ]);
    expect(on({ forbid: ["x"], rules: [failing("allow")] })).toMatchObject({ decision: "forbid", rule: "forbid: x" });
  });

  it("says nothing of calls that its rule does not mean", () => {
    const rules = [{ ...failing("allow"), environments: ["sandbox"] }];
    const inEnvironment = (environment: string) =>
      decide(policy({ allow: ["x"], rules }), call("x", { args: {}, environment })).decision;
    expect([inEnvironment("production"), inEnvironment("sandbox")]).toEqual(["allow", "deny"]);
  });

  it("of one policy denies, whatever other policies allow", () => {
    const failed = policy({ name: "agent", rules: [failing("allow")] });
    const decision = decide([policy({ default: "allow" }), failed], call("x", { args: {} }));
    expect(decision).toMatchObject({ decision: "deny", policy: "agent", rule: "r" });
  });
});

describe("several policies", () => {
  const organisation = policy({ name: "org", allow: ["read_*", "send_*"], require_approval: ["send_*"] });
  const team = policy({ name: "team", default: "allow", deny: ["send_*"] });
  const everything = policy({ name: "agent", allow: ["*"] });

  it("together allow only what each allows", () => {
    const on = (tool: string) => decide([organisation, team, everything], call(tool));
    expect(on("read_x")).toMatchObject({ decision: "allow", policy: "org" });
    expect(on("send_x")).toMatchObject({ decision: "deny", policy: "team" });
    expect(on("write_x")).toMatchObject({ decision: "deny", policy: "org", rule: "default" });
  });

  it("name every rule of all of them that says what is decided, and none that says less", () => {
    const also = policy({ name: "also", allow: ["*"], deny: ["send_*"], rules: [{ name: "r", effect: "deny" }] });
    const { matched } = decide([organisation, team, everything, also], call("send_x"));
    expect(matched).toEqual([
      { policy: "team", rule: "deny: send_*", effect: "deny" },
      { policy: "also", rule: "deny: send_*", effect: "deny" },
      { policy: "also", rule: "r", effect: "deny" },
    ]);
  });

  it("never decide more leniently than one of them alone, in whatever order", () => {
    const strictness = ["allow", "require_approval", "deny", "forbid"];
    const all = [organisation, team, everything, DATABASE];
    const tools = fc.constantFrom("read_x", "send_x", "write_x", "db_read_x", "db_drop_x", "iam_x");
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 1 }), tools, (some, tool) => {
        const alone = some.map((each) => strictness.indexOf(decide(each, call(tool)).decision));
        expect(strictness.indexOf(decide(some, call(tool)).decision)).toBe(Math.max(...alone));
      }),
    );
  });

  it("apply only to the agents they name", () => {
    const some = policy({ agents: ["db-*"], allow: ["x"] });
    expect(decide([some], call("x", { agent: { name: "DB-one" } }))).toMatchObject({
      decision: "allow",
      rule: "allow: x",
    });
    expect(decide([some], call("y", { agent: { name: "db-one" } }))).toMatchObject({ decision: "deny" });
    expect(decide([some], call("y", { agent: { name: "web" } }))).toMatchObject({
      decision: "allow",
      rule: "no policy",
    });
  });
});

describe("a policy for a share of sessions", () => {
  const sessions = Array.from({ length: 2_000 }, (_, index) => `session-${index}`);
  const everyone = policy({ name: "now", default: "allow" });
  const denied = (share: string): readonly string[] => {
    const next = policy({ name: "next", version: share, share, deny: ["x"] });
    return sessions.filter((id) => decide([everyone, next], call("x", { session: { id } })).decision === "deny");
  };

  it("decides for that share, and keeps those it had when the share grows", () => {
    const [few, more] = [denied("10%"), denied("40%")];
    expect([few.length > 140 && few.length < 260, more.length > 700 && more.length < 900]).toEqual([true, true]);
    expect(more).toEqual(expect.arrayContaining([...few]));
    expect([denied("0%").length, denied("100%").length]).toEqual([0, sessions.length]);
    expect(denied("10%")).toEqual(few);
  });

  it("says in shadow mode of the others what it would have decided", () => {
    const next = policy({ name: "next", share: "0%", deny: ["x"] });
    const decision = decide([everyone, next], call("x", { session: { id: "s" } }));
    expect(decision).toMatchObject({ decision: "allow", policy: "now" });
    expect(decision.shadow).toMatchObject([{ decision: "deny", rule: "deny: x", policy: "next" }]);
  });
});

describe("rules by environment", () => {
  const rules = [
    { name: "asks", effect: "require_approval", tools: ["deploy"], environments: ["prod*"] },
    { name: "free", effect: "allow", tools: ["deploy"], environments: ["sandbox", "staging"] },
  ];
  const by = policy({ rules });

  it.each([
    ["sandbox", "allow"],
    ["staging", "allow"],
    ["Production", "require_approval"],
    ["elsewhere", "deny"],
    // Not said: in all of them, where that narrows.
    [undefined, "require_approval"],
  ])("in %s decide %s", (environment, decision) => {
    const request = environment === undefined ? {} : { environment };
    expect(decide(by, call("deploy", request)).decision).toBe(decision);
  });

  it("that allow in some of them allow nothing where nobody says which it is", () => {
    const on = policy({ rules: rules.filter(({ effect }) => effect === "allow") });
    expect(decide(on, call("deploy")).decision).toBe("deny");
    expect(decide(on, call("deploy", { environment: "staging" })).decision).toBe("allow");
  });

  it("and policies by environment hold there, and where nobody says which it is", () => {
    const sandbox = policy({ name: "sandbox", environments: ["sandbox"], deny: ["x"], default: "allow" });
    const on = (request: Partial<PolicyRequest>) => decide([sandbox], call("x", request)).rule;
    expect([on({ environment: "sandbox" }), on({}), on({ environment: "production" })]).toEqual([
      "deny: x",
      "deny: x",
      "no policy",
    ]);
  });
});

describe("without a policy", () => {
  it("a tool is allowed with that reason, whatever its name and arguments", () => {
    expect(decide([], call("anything", { args: { when: new Date() } }))).toMatchObject({
      decision: "allow",
      reason: "no policy",
    });
    expect(decide([], call("a\nb"))).toMatchObject({ decision: "allow", tool: "a\\u{a}b" });
  });

  it("a tool is denied where a policy is required", () => {
    expect(decide([], call("anything"), { requirePolicy: true })).toMatchObject({ decision: "deny", policy: "" });
  });
});

describe("the arguments of a call", () => {
  const free = policy({
    allow: ["*"],
    rules: [{ name: "small", effect: "deny", when: "has(args.rows) && args.rows > 10" }],
  });

  it("that have no canonical form are denied with that reason", () => {
    expect(decide(free, call("x", { args: { rows: Number.NaN } }))).toMatchObject({
      decision: "deny",
      rule: "request",
      reason: "`arguments.rows` is NaN, which JSON does not have",
    });
  });

  it("are decided on as a frozen copy, which the tool gets", () => {
    const args = { rows: 5 };
    const decision = decide(free, call("x", { args }));
    args.rows = 5000;
    expect(decision).toMatchObject({ decision: "allow", arguments: { value: { rows: 5 }, json: '{"rows":5}' } });
    expect(Object.isFrozen(decision.arguments?.value)).toBe(true);
  });

  it("can't be one thing for the check and another for the tool", () => {
    let reads = 0;
    const shifty = new Proxy({ rows: 1 }, { get: () => (reads += 1) });
    expect(decide(free, call("x", { args: shifty }))).toMatchObject({
      decision: "deny",
      reason: "`arguments` is a Proxy",
    });
    expect(reads).toBe(0);
  });

  it("decide a call even if its name was decided on before", () => {
    const on = (rows: number) => decide(free, call("x", { args: { rows } })).decision;
    expect([on(5), on(50), on(5)]).toEqual(["allow", "deny", "allow"]);
  });
});

describe("any request", () => {
  it("gets a decision and never an exception", () => {
    const governed = policy({
      allow: ["*"],
      rules: [{ name: "r", effect: "deny", when: "has(args.a) && args.a == 1" }],
    });
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), anything, (name, args) => {
        expect(["allow", "deny"]).toContain(decide(governed, call(name, { args })).decision);
      }),
      { numRuns: 2000 },
    );
  });

  it("with a hostile name is denied before any rule is asked", () => {
    expect(decide(policy({ allow: ["*"] }), call("read\u200b"))).toMatchObject({
      decision: "deny",
      rule: "request",
      tool: "read\\u{200b}",
      reason: "the name of the tool has invisible characters",
    });
  });
});
