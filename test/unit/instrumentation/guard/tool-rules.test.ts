/** What rules know of tools, sessions and an agent's past, in a registered process without a processor. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withContext } from "../../../../instrumentation/src/context/context.ts";
import { ToolDenied } from "../../../../instrumentation/src/errors.ts";
import { guardTool } from "../../../../instrumentation/src/guard/guard-tool.ts";
import { Policy } from "../../../../instrumentation/src/policy/index.ts";
import { denying, inSession, tool, useToolRig } from "../../../support/tool-rig.ts";

const rig = useToolRig();
const { govern, attributes } = rig;

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

  it("learns labels from what a tool said when it failed", () => {
    govern({ policies: [EXFILTRATION] });
    const failing = guardTool("read_file", () => {
      throw new RangeError("no account for card 4111 1111 1111 1111");
    });
    inSession("a", () => expect(failing).toThrow(RangeError));
    expect(() => inSession("a", () => tool("send_mail")())).toThrow(ToolDenied);
  });

  it("is held by what stands in maps and instances, and its span says what was not searched", () => {
    govern({ policies: [EXFILTRATION] });
    inSession("a", () =>
      tool(
        "read",
        {},
        new Map([
          [
            "card",
            new (class {
              number = "4111 1111 1111 1111";
            })(),
          ],
        ]),
      )(),
    );
    expect(attributes()).toMatchObject({ "tollgate.data.label": "confidential" });
    expect(attributes()).not.toHaveProperty("tollgate.data.unsearched");
    expect(() => inSession("a", () => tool("send_mail")())).toThrow(ToolDenied);
    inSession("b", () => tool("read", {}, "x ".repeat(500_000))());
    expect(attributes()).toMatchObject({ "tollgate.data.label": "public", "tollgate.data.unsearched": true });
    expect(inSession("b", () => tool("send_mail")())).toBe("ok");
    govern({ policies: [EXFILTRATION], label_levels: ["public", ["confidential", "unsearched"]] });
    inSession("c", () => tool("read", {}, "x ".repeat(500_000))());
    expect(() => inSession("c", () => tool("send_mail")())).toThrow(ToolDenied);
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
    const { problems } = (await rig.startAgain({ TOLLGATE_POLICY: path })).rules;
    expect(problems.map((problem) => problem.replace(path, "p.yaml"))).toEqual([
      "TOLLGATE_POLICY: p.yaml:3:1: alow: is not a known key",
      expect.stringMatching(/^TOLLGATE_POLICY: p\.yaml:7:5: rules\[0\]\.when: /),
      "TOLLGATE_POLICY: p.yaml:11:1: another policy is named `p`",
    ]);
    rmSync(folder, { recursive: true });
  });
});
