/** What rules know of how far a call goes, beyond the agent's past and to which destinations, in a process without a processor. */
import { describe, expect, it } from "vitest";
import { ToolDenied } from "../../../../instrumentation/src/errors.ts";
import { guardTool } from "../../../../instrumentation/src/guard/guard-tool.ts";
import { denying, tool, useToolRig } from "../../../support/tool-rig.ts";

const { govern, attributes } = useToolRig();

describe("an expansion of scope", () => {
  it("is seen against the agent's own past, and on the span", () => {
    govern({ policies: [denying("wider", "size(expansion) > 0")] });
    const query = tool("query");
    query({ sql: "select a from t where id = 1", limit: 10, host: "db.example" });
    expect(query({ sql: "select b from t where id = 2", limit: 5, host: "db.example" })).toBe("ok");
    for (const [args, expansion] of [
      [{ sql: "select b from t where id = 2", limit: 500, host: "db.example" }, "rows"],
      [{ sql: "select * from t", limit: 5, host: "db.example" }, "query"],
      [{ sql: "select b from t where id = 2", note: "card 4111 1111 1111 1111" }, "label"],
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

  it("does not become the past by a dry run, and does by an act that failed", () => {
    govern({ policies: [denying("new", '"destination" in expansion && !has(args.dry_run)')] });
    const send = tool("send");
    send({ to: "ada@corp.example" });
    expect(send({ to: "eve@evil.example", dry_run: true })).toBe("ok");
    expect(() => send({ to: "eve@evil.example" })).toThrow(ToolDenied);
    govern({ policies: [] });
    const failing = guardTool("send", (_args: { readonly to: string }) => {
      throw new RangeError("sent, and then failed");
    });
    expect(() => failing({ to: "bob@corp.example" })).toThrow(RangeError);
    govern({ policies: [denying("new", '"destination" in expansion')] });
    expect(send({ to: "bob@corp.example" })).toBe("ok");
  });

  it("does not become the past by being denied", () => {
    govern({ policies: [denying("wider", '"rows" in expansion')] });
    const query = tool("query");
    query({ limit: 10 });
    expect(() => query({ limit: 20 })).toThrow(ToolDenied);
    expect(() => query({ limit: 20 })).toThrow(ToolDenied);
  });
});
