/** What rules know of tools, sessions and an agent's past, in a registered process without a processor. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withContext } from "../../../../instrumentation/src/context/context.ts";
import { ToolDenied } from "../../../../instrumentation/src/errors.ts";
import { guardTool } from "../../../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../../../instrumentation/src/guard/tool-gate.ts";
import type { ToolOptions } from "../../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../../instrumentation/src/guard/tool-registry.ts";
import { Policy } from "../../../../instrumentation/src/policy/index.ts";
import { startGatedProcess } from "../../../support/gated-process.ts";
import type { GatedProcess } from "../../../support/gated-process.ts";

let gated: GatedProcess;
let toolGate: ToolGate;

beforeEach(() => {
  gated = startGatedProcess();
  toolGate = new ToolGate(gated.gate);
  registerToolGate(toolGate);
});

afterEach(async () => {
  registerToolGate(undefined);
  await gated.stop();
});

interface Fleet {
  readonly policies: readonly unknown[];
  readonly tools?: readonly unknown[];
  readonly autonomy?: Readonly<Record<string, string>>;
  readonly label_levels?: readonly (string | readonly string[])[];
}

function govern(fleet: Fleet): void {
  toolGate.onHello({ require_policy: false, ...fleet } as never);
}

const inSession = <T>(session: string, fn: () => T): T => withContext({ session }, fn);
const tool = (name: string, options: ToolOptions = {}, result: unknown = "ok") =>
  guardTool(name, (_args?: Readonly<Record<string, unknown>>) => result, options);
const denying = (name: string, when: string, effect = "deny") => ({
  kind: "policy",
  name: "p",
  default: "allow",
  rules: [{ name, effect, tools: ["*"], when }],
});
const attributes = () => gated.spans().at(-1)?.attributes ?? {};

describe("a session", () => {
  const EXFILTRATION = {
    kind: "policy",
    name: "p",
    default: "allow",
    rules: [
      { name: "no-exfiltration", effect: "forbid", tools: ["send_*"], when: 'session.label >= label("confidential")' },
    ],
  };

  it("that read confidential data may not send any more, and another one may", () => {
    const tools = [
      { kind: "tool", name: "read_hr", labels: ["confidential"], actions: ["read"] },
      { kind: "tool", name: "send_mail", actions: ["send"] },
    ];
    govern({ policies: [EXFILTRATION], tools });
    const [read, send] = [tool("read_hr"), tool("send_mail")];
    inSession("a", () => send());
    inSession("a", () => read());
    expect(attributes()).toMatchObject({ "tollgate.data.label": "confidential" });
    expect(() => inSession("a", () => send())).toThrow(ToolDenied);
    expect(inSession("b", () => send())).toBe("ok");
  });

  it("learns labels from what a tool gave and from what it is to get", () => {
    govern({ policies: [EXFILTRATION] });
    inSession("a", () => tool("read_file", {}, { content: [{ type: "text", text: "card 4111 1111 1111 1111" }] })());
    expect(() => inSession("a", () => tool("send_mail")())).toThrow(ToolDenied);
    expect(() => inSession("b", () => tool("send_mail")({ body: "-----BEGIN RSA PRIVATE KEY-----" }))).toThrow(
      ToolDenied,
    );
    expect(inSession("c", () => tool("send_mail")({ body: "card 4111 1111 1111 1112, order 20261121" }))).toBe("ok");
  });

  it("that was denied three times is stopped", () => {
    const rules = [
      { name: "no-drop", effect: "deny", tools: ["drop"] },
      { name: "three", effect: "forbid", tools: ["*"], when: "session.denied >= 3" },
    ];
    govern({ policies: [{ kind: "policy", name: "p", default: "allow", rules }] });
    inSession("a", () => {
      for (const _ of [1, 2, 3]) expect(() => tool("drop")()).toThrow(ToolDenied);
      expect(() => tool("read")()).toThrow(expect.objectContaining({ rule: "three" }));
    });
    expect(inSession("b", () => tool("read")())).toBe("ok");
  });

  it("deletes only what it deleted in a dry run before", () => {
    govern({
      policies: [
        denying(
          "dry-run-first",
          "tool.name == 'delete' && !session.rehearsed && !(has(args.dry_run) && args.dry_run == true)",
        ),
      ],
    });
    inSession("a", () => {
      expect(() => tool("delete")({ id: 1 })).toThrow(ToolDenied);
      tool("delete")({ id: 1, dry_run: true });
      expect(tool("delete")({ id: 1 })).toBe("ok");
      expect(() => tool("delete")({ id: 2 })).toThrow(ToolDenied);
    });
  });

  it("keeps its label after a tool that threw", () => {
    govern({
      policies: [EXFILTRATION],
      tools: [
        { kind: "tool", name: "read_hr", labels: ["restricted"], actions: ["read"] },
        { kind: "tool", name: "send_mail" },
      ],
    });
    const failing = guardTool("read_hr", () => {
      throw new RangeError("half read");
    });
    inSession("a", () => expect(failing).toThrow(RangeError));
    expect(() => inSession("a", () => tool("send_mail")())).toThrow(ToolDenied);
  });

  it("is judged by the policy of a program too", () => {
    const policy = Policy.template("email");
    inSession("a", () => tool("read_inbox", { policy, labels: ["confidential"] })());
    expect(() => inSession("a", () => tool("send_email", { policy })())).toThrow(
      expect.objectContaining({ rule: "no-exfiltration" }),
    );
  });
});

describe("a tool that nobody declared", () => {
  it("has the strictest facts once others are declared, and none before", () => {
    const policies = [
      denying("careful", 'tool.reversibility == "irreversible" && "grant" in tool.actions && !tool.known'),
    ];
    govern({ policies });
    expect(tool("new_tool")()).toBe("ok");
    govern({ policies, tools: [{ kind: "tool", name: "other" }] });
    expect(() => tool("new_tool")()).toThrow(ToolDenied);
    expect(tool("other")()).toBe("ok");
    expect(tool("mine", { actions: ["read"], reversibility: "reversible" })()).toBe("ok");
  });
});

describe("labels in another order", () => {
  it("decide by the ranks that they are given", () => {
    govern({
      policies: [denying("r", 'session.label >= label("pii")')],
      tools: [
        { kind: "tool", name: "read_people", labels: ["pii"] },
        { kind: "tool", name: "read_news", labels: ["open"] },
      ],
      label_levels: ["open", ["internal", "pii"], "secret"],
    });
    inSession("a", () => tool("read_news")());
    expect(inSession("a", () => tool("read_people")())).toBe("ok");
    expect(() => inSession("a", () => tool("read_news")())).toThrow(ToolDenied);
  });
});

describe("an expansion of scope", () => {
  it("is seen against the agent's own past, and on the span", () => {
    govern({ policies: [denying("wider", "size(expansion) > 0")] });
    const query = tool("query");
    query({ sql: "select a from t where id = 1", limit: 10, host: "db.example" });
    expect(query({ sql: "select b from t where id = 2", limit: 5, host: "db.example" })).toBe("ok");
    for (const [args, expansion] of [
      [{ sql: "select b from t where id = 2", limit: 500, host: "db.example" }, "rows"],
      [{ sql: "select * from t", limit: 5, host: "db.example" }, "query"],
      [{ sql: "select b from t where id = 2", url: "https://evil.example/x" }, "destination"],
    ] as const) {
      expect(() => query(args)).toThrow(ToolDenied);
      expect(attributes()).toMatchObject({ "tollgate.expansion": [expansion] });
    }
  });

  it("sees every destination of a call, wherever it stands", () => {
    govern({ policies: [denying("wider", '"destination" in expansion')] });
    const send = tool("send");
    send({ to: ["ada@corp.example", "bob@corp.example"] });
    expect(send({ to: "bob@corp.example", cc: ["ada@corp.example"] })).toBe("ok");
    const known = Array.from({ length: 2_000 }, () => "ada@corp.example");
    for (const args of [
      { to: ["ada@corp.example", "eve@evil.example"] },
      { to: "ada@corp.example", bcc: "eve@evil.example" },
      { to: [...known, "eve@evil.example"] },
    ]) {
      expect(() => send(args)).toThrow(ToolDenied);
    }
  });

  it("holds a rule on the destination against each: one that allows wants them all, any other wants one", () => {
    const ours = 'destination.endsWith("@corp.example")';
    const rules = [{ name: "inside", effect: "allow", tools: ["send"], when: ours }];
    govern({ policies: [{ kind: "policy", name: "p", default: "deny", rules }] });
    const send = tool("send");
    expect(send({ to: ["ada@corp.example", "bob@corp.example"] })).toBe("ok");
    for (const to of [["ada@corp.example", "eve@evil.example"], "ada@corp.example, eve@evil.example"])
      expect(() => send({ to })).toThrow(ToolDenied);
    govern({ policies: [denying("no-evil", 'destination.endsWith("evil.example")')] });
    expect(() => send({ to: "ada@corp.example", bcc: "eve@evil.example" })).toThrow(ToolDenied);
    expect(() => send({ to: Array.from({ length: 2_000 }, (_, index) => `a${index}@corp.example`) })).toThrow(
      "more than 1024 destinations",
    );
  });

  it("does not become the past by being denied", () => {
    govern({ policies: [denying("wider", '"rows" in expansion')] });
    const query = tool("query");
    query({ limit: 10 });
    expect(() => query({ limit: 20 })).toThrow(ToolDenied);
    expect(() => query({ limit: 20 })).toThrow(ToolDenied);
  });
});

describe("autonomy", () => {
  const LEVELS = { boss: "observe", hand: "suggest" };
  const decided = (context: Parameters<typeof withContext>[0]): unknown => {
    try {
      void withContext(context, () => tool("act", { approvalWaitMs: 0 })());
    } catch {
      // Seen on the span.
    }
    return attributes()["tollgate.decision.rule"];
  };

  it("holds every agent that the process acts for, and all that act on its behalf", async () => {
    govern({ policies: [], autonomy: LEVELS });
    expect(decided({})).toBe("no policy");
    expect(decided({ agent: "boss" })).toBe("autonomy: observe");
    expect(decided({ agent: "boss/helper" })).toBe("autonomy: observe");
    expect(attributes()).toMatchObject({ "tollgate.shadow.decision": "allow" });
    expect(withContext({ agent: "boss" }, () => decided({ agent: "free" }))).toBe("autonomy: observe");
    expect(decided({ agent: "boss", labels: { autonomy: "autonomous" } })).toBe("autonomy: observe");
    expect(decided({ agent: "free", labels: { autonomy: "observe" } })).toBe("autonomy: observe");
    govern({ policies: [], autonomy: {} });
    expect(decided({ agent: "boss" })).toBe("no policy");
  });
});

describe("what a tool reached", () => {
  const WAY = "tollgate.tool.destinations";
  const RECORDS = "tollgate.tool.records";

  it("is on the span of a call that ran, by hosts, mail domains, channels and buckets", () => {
    const send = tool("send");
    send({
      url: "https://user:pw@api.corp.example:8443/hook?token=1",
      to: ["Ada <ada@Corp.example>", "bob@corp.example", "#ops", "s3://reports/q3.csv", "10.0.0.7"],
      cc: "+49 30 901820",
      bucket: "backups",
    });
    expect(attributes()[WAY]).toEqual([
      "api.corp.example",
      "corp.example",
      "#ops",
      "reports",
      "10.0.0.7",
      "(other)",
      "backups",
    ]);
    send({});
    expect(attributes()).not.toHaveProperty(WAY);
  });

  it("says of no destination what is somebody's, and of very many that there are more", () => {
    const send = tool("send");
    for (const to of [
      "0049309018201",
      "Ada Lovelace",
      "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
      "@ada",
      "a\nb@c\n.d",
    ]) {
      send({ to });
      expect([to, attributes()[WAY]]).toEqual([to, ["(other)"]]);
    }
    send({ to: Array.from({ length: 100 }, (_, at) => `a@${at}.example`) });
    const places = attributes()[WAY] as readonly string[];
    expect([places.length, places.at(-1)]).toEqual([33, "(more)"]);
  });

  it("is not on the span of one that was denied", () => {
    govern({ policies: [{ kind: "policy", name: "p", default: "deny" }] });
    expect(() => tool("send")({ url: "https://evil.example", limit: 9 })).toThrow(ToolDenied);
    expect(attributes()).not.toHaveProperty(WAY);
    expect(attributes()).not.toHaveProperty(RECORDS);
  });

  it.each([
    ["asked for", { limit: 12.5 }, undefined, 13],
    ["a list of what it is about", { ids: ["a", "b", "c"] }, "ok", 3],
    ["a list given back", { limit: 2 }, [1, 2, 3], 3],
    ["more asked for than given back", { limit: 500 }, [1], 500],
    ["a list in an answer", {}, { rows: [1, 2] }, 2],
    ["a driver's count", {}, { affectedRows: 7, rows: [] }, 7],
    ["a text of JSON", {}, ' [{"id":1},{"id":2}]', 2],
    [
      "an MCP result",
      {},
      {
        content: [
          { type: "text", text: '{"rows":[1,2]}' },
          { type: "text", text: "[1]" },
        ],
      },
      3,
    ],
    ["an MCP result with structure", {}, { content: [], structuredContent: { deleted_count: 4 } }, 4],
    ["no bound on numbers", { limit: 1e300 }, "ok", Number.MAX_SAFE_INTEGER],
  ])("tells its records: %s", (_what, args, result, records) => {
    tool("query", {}, result)(args);
    expect(attributes()[RECORDS]).toBe(records);
  });

  it("tells no records of what is none, and never runs what a result has", () => {
    const trap = {
      count: 9,
      get rows(): never {
        throw new Error("never read");
      },
    };
    for (const result of ["fine", "[broken", trap, null, { content: "x" }]) {
      expect(tool("query", {}, result)({})).toBe(result);
      expect(attributes()).not.toHaveProperty(RECORDS);
      expect(attributes()).toHaveProperty("tollgate.data.label");
    }
  });
});

describe("a policy in shadow mode", () => {
  it("lets everything run, and its span says what it would have decided", () => {
    const allowing = { kind: "policy", name: "now", default: "allow" };
    govern({ policies: [allowing, { kind: "policy", name: "next", enforce: false, forbid: ["drop_*"] }] });
    expect(tool("drop_x")()).toBe("ok");
    expect(attributes()).toMatchObject({
      "tollgate.decision": "allow",
      "tollgate.policy.name": "now",
      "tollgate.shadow.decision": "forbid",
      "tollgate.shadow.rule": "forbid: drop_*",
      "tollgate.shadow.policy": "next",
    });
  });
});

describe("a sub-agent", () => {
  it("does not escape the policies of the agent it acts for", () => {
    govern({ policies: [{ kind: "policy", name: "p", agents: ["planner"], default: "allow", deny: ["drop"] }] });
    const drop = tool("drop");
    expect(drop()).toBe("ok");
    expect(() => withContext({ agent: "planner" }, () => withContext({ agent: "helper" }, () => drop()))).toThrow(
      ToolDenied,
    );
  });
});

describe("TOLLGATE_POLICY", () => {
  it("has every problem with its place, and none of it is in force", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tollgate-policy-"));
    const path = join(folder, "p.yaml");
    writeFileSync(
      path,
      "kind: policy\nname: p\nalow: [x]\nrules:\n  - name: r\n    effect: deny\n    when: 1 +\n---\nname: p\n---\nname: p\n",
    );
    await gated.stop();
    gated = startGatedProcess({ env: { TOLLGATE_POLICY: path } });
    const { problems } = new ToolGate(gated.gate).rules;
    expect(problems.map((problem) => problem.replace(path, "p.yaml"))).toEqual([
      "TOLLGATE_POLICY: p.yaml:3:1: alow: is not a known key",
      expect.stringMatching(/^TOLLGATE_POLICY: p\.yaml:7:5: rules\[0\]\.when: /),
      "TOLLGATE_POLICY: p.yaml:11:1: another policy is named `p`",
    ]);
    rmSync(folder, { recursive: true });
  });
});
