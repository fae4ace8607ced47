/** `guardTool` in a registered process without a processor: decisions, spans, and what the tool gets. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpanStatusCode } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withContext } from "../../../../instrumentation/src/context/context.ts";
import { ApprovalPending, ConfigInvalid, ToolDenied } from "../../../../instrumentation/src/errors.ts";
import { guardTool } from "../../../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../../instrumentation/src/guard/tool-registry.ts";
import { Policy } from "../../../../instrumentation/src/policy/index.ts";
import { startGatedProcess } from "../../../support/gated-process.ts";
import type { GatedProcess } from "../../../support/gated-process.ts";

let folder: string;
let gated: GatedProcess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-policy-"));
  start();
});

afterEach(async () => {
  registerToolGate(undefined);
  await gated.stop();
  rmSync(folder, { recursive: true });
});

function start(policy?: string, file = "policy.json"): void {
  const path = join(folder, file);
  if (policy !== undefined) writeFileSync(path, policy);
  gated = startGatedProcess({ env: policy === undefined ? {} : { TOLLGATE_POLICY: path } });
  registerToolGate(new ToolGate(gated.gate));
}

const span = () => gated.spans().at(-1);
const READ_ONLY = JSON.stringify({
  kind: "policy",
  name: "db",
  allow: ["db_read_*"],
  require_approval: ["db_write_*"],
});

describe("a guarded tool", () => {
  it("runs as before where no policy applies, with a span and one warning", () => {
    const add = guardTool("add", function (this: unknown, left: number, right: number) {
      return left + right;
    });
    expect(add(1, 2)).toBe(3);
    expect(add(3, 4)).toBe(7);
    expect(span()?.name).toBe("execute_tool add");
    expect(span()?.attributes).toMatchObject({ "tollgate.decision": "allow", "tollgate.decision.rule": "no policy" });
    expect(gated.log.filter((line) => line.includes("no policy applies"))).toHaveLength(1);
  });

  it("rejects the promise of an async function that may not run, and throws for others", async () => {
    const policy = new Policy({ name: "none", default: "deny" });
    const later = guardTool("later", async () => "ran", { policy });
    await expect(later().catch((error: unknown) => error)).resolves.toBeInstanceOf(ToolDenied);
    const now = guardTool("now", () => "ran", { policy });
    expect(() => now()).toThrow(ToolDenied);
  });

  it("keeps this, name, length and promises", async () => {
    const tool = {
      base: 10,
      add: guardTool("add", async function add(this: { base: number }, value: number) {
        return this.base + value;
      }),
    };
    expect(await tool.add(5)).toBe(15);
    expect([tool.add.name, tool.add.length]).toEqual(["add", 1]);
  });

  it("does not run what the local policy denies, and says which rule in error and span", () => {
    start(READ_ONLY);
    let ran = 0;
    const drop = guardTool("db_drop_table", () => (ran += 1));
    expect(() => drop()).toThrow(ToolDenied);
    expect(ran).toBe(0);
    expect(span()?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span()?.attributes).toMatchObject({
      "tollgate.decision": "deny",
      "tollgate.policy.name": "db",
      "tollgate.cost.nano_usd": 0,
      "tollgate.cost.status": "exact",
      "error.type": "tool_denied",
    });
    expect(() => guardTool("db_write_row", (row: { id: number }) => row)({ id: 1 })).toThrow(ApprovalPending);
  });

  it("gives the tool the copy that was decided on, and the span its digest", () => {
    start(READ_ONLY);
    const given = { id: 1, where: { name: "ada" } };
    const seen = guardTool("db_read_row", (args: typeof given) => args)(given);
    expect(seen).toEqual(given);
    expect(seen).not.toBe(given);
    expect(span()?.attributes["tollgate.tool.arguments_digest"]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("reads a local policy from YAML as well", () => {
    start("kind: policy\nname: yaml\nallow: [ping]\n", "policy.yaml");
    expect(guardTool("ping", () => "pong")()).toBe("pong");
    expect(() => guardTool("other", () => 1)()).toThrow(ToolDenied);
  });

  it("refuses every tool when the policy file is wrong", () => {
    start(JSON.stringify({ name: "x", alow: ["*"] }));
    expect(() => guardTool("ping", () => 1)()).toThrow(ConfigInvalid);
  });

  it("asks the approver of its own policy, and runs only when it says yes", async () => {
    const answers = [true, false];
    const policy = new Policy({ name: "own", requireApproval: ["send_*"], onApproval: () => answers.shift() });
    const send = guardTool("send_mail", async (args: { to: string }) => `sent to ${args.to}`, { policy });
    expect(await send({ to: "ada" })).toBe("sent to ada");
    await expect(async () => send({ to: "bob" })).rejects.toMatchObject({ code: "approval_denied" });
    expect(policy.auditLog).not.toHaveLength(0);
  });

  it("carries the context on its span, and what the tool throws to the app", () => {
    const fail = guardTool("fail", () => {
      throw new RangeError("no");
    });
    expect(() => withContext({ session: "s1", user: "ada", labels: { tier: "gold" } }, () => fail())).toThrow(
      RangeError,
    );
    expect(span()?.attributes).toMatchObject({
      "tollgate.session.id": "s1",
      "user.id": "ada",
      "tollgate.label.tier": "gold",
      "error.type": "RangeError",
    });
  });
});
