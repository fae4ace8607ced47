/** What a process without a processor decides by: the policies that were kept, if they were kept by somebody with the key. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../../../instrumentation/src/config/config.ts";
import { GovernanceCache } from "../../../../instrumentation/src/config/governance-cache.ts";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { guardTool } from "../../../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../../instrumentation/src/guard/tool-registry.ts";
import type { Transport } from "../../../../instrumentation/src/lease/transport.ts";
import { withContext } from "../../../../instrumentation/src/context/context.ts";
import { reachOf } from "../../../../instrumentation/src/session/reach.ts";
import { AgentPast } from "../../../../instrumentation/src/session/agent-past.ts";
import { toolFingerprint } from "../../../../instrumentation/src/session/tool-fingerprints.ts";
import type { HelloReply } from "../../../../instrumentation/src/protocol.ts";
import { type GatedProcess, startGatedProcess } from "../../../support/gated-process.ts";

let folder: string;
const HELLO = {
  require_policy: true,
  policies: [{ kind: "policy", name: "p" }],
  governance_version: "v1",
} as unknown as HelloReply;

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "tollgate-cache-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function cacheOf(env: Readonly<Record<string, string>> = {}): GovernanceCache | undefined {
  const config = readConfig({ TOLLGATE_API_KEY: "k1", TOLLGATE_AGENT: "a", TOLLGATE_CACHE_DIR: folder, ...env });
  return GovernanceCache.of(
    config,
    createLogger("error", () => {}),
  );
}

const file = () => join(folder, readdirSync(folder)[0] ?? "");

describe("the cache of governance", () => {
  it("gives the next process what the processor said last", () => {
    cacheOf()?.save(HELLO);
    expect(cacheOf()?.load()).toMatchObject({
      require_policy: true,
      policies: HELLO.policies,
      governance_version: "v1",
    });
  });

  it("is not there without a key, where it is off, and for another agent or processor", () => {
    cacheOf()?.save(HELLO);
    expect(cacheOf({ TOLLGATE_API_KEY: "" })).toBeUndefined();
    expect(cacheOf({ TOLLGATE_CACHE_DIR: "off" })).toBeUndefined();
    expect(cacheOf({ TOLLGATE_AGENT: "b" })?.load()).toBeUndefined();
    expect(cacheOf({ TOLLGATE_ENDPOINT: "http://127.0.0.1:1" })?.load()).toBeUndefined();
  });

  it("does not believe what was written without its key", () => {
    cacheOf()?.save(HELLO);
    expect(cacheOf({ TOLLGATE_API_KEY: "k2" })?.load()).toBeUndefined();
    writeFileSync(
      file(),
      readFileSync(file(), "utf8").replace('\\"require_policy\\":true', '\\"require_policy\\":false'),
    );
    expect(cacheOf()?.load()).toBeUndefined();
    for (const text of ["", "{}", '{"body":1,"mac":2}', "x".repeat(5_000_000)]) {
      writeFileSync(file(), text);
      expect(cacheOf()?.load()).toBeUndefined();
    }
  });

  it("does not hold for ever, nor from the future", () => {
    const at = Date.parse("2026-11-21T00:00:00Z");
    cacheOf()?.save(HELLO, at);
    expect(cacheOf()?.load(at + 6 * 86_400_000)).toBeDefined();
    expect(cacheOf()?.load(at + 8 * 86_400_000)).toBeUndefined();
    expect(cacheOf()?.load(at - 1)).toBeUndefined();
  });
});

/** Runs tools in a process of the agent `a` that finds no processor. */
async function withoutProcessor(work: (gated: GatedProcess) => Promise<void>): Promise<void> {
  const env = { TOLLGATE_API_KEY: "k1", TOLLGATE_AGENT: "a", TOLLGATE_CACHE_DIR: folder, TOLLGATE_FAIL_MODE: "closed" };
  const away = async () => ({ kind: "unreachable", reason: "nobody is there" }) as const;
  const transport = {
    hello: away,
    acquire: away,
    close: away,
    stopped: away,
    listen: () => ({ stop: () => {} }),
    stop: () => {},
  };
  const gated = startGatedProcess({ env, transport: transport as unknown as Transport });
  registerToolGate(new ToolGate(gated.gate));
  try {
    await work(gated);
  } finally {
    registerToolGate(undefined);
    await gated.stop();
  }
}
const POLICIES = [{ kind: "policy", name: "p", default: "deny", allow: ["read_*"] }];
const run = (name: string) => guardTool(name, async () => "ok")();

it("decides for a process that finds no processor, even where it fails closed", async () => {
  cacheOf()?.save({ ...HELLO, policies: POLICIES });
  await withoutProcessor(async (gated) => {
    expect(await run("read_x")).toBe("ok");
    expect(gated.spans().at(-1)?.attributes).toMatchObject({
      "tollgate.policy.name": "p",
      "tollgate.policy.cached_at": expect.stringMatching(/^20/),
      "tollgate.failure.mode": "closed",
    });
    await expect(run("drop_x")).rejects.toMatchObject({ code: "tool_denied" });
  });
});

it("leaves an agent no more autonomy than the processor said last", async () => {
  cacheOf()?.save({ ...HELLO, policies: POLICIES, autonomy: { a: "observe" } });
  await withoutProcessor(async (gated) => {
    await expect(run("read_x")).rejects.toMatchObject({ code: "tool_denied" });
    expect(gated.spans().at(-1)?.attributes).toMatchObject({ "tollgate.decision.rule": "autonomy: observe" });
  });
});

it("knows of a process that finds no processor how far its agent went, and of other agents that it does not know", async () => {
  const env = { TOLLGATE_API_KEY: "k1", TOLLGATE_AGENT: "a", TOLLGATE_CACHE_DIR: folder, TOLLGATE_FAIL_MODE: "closed" };
  const rules = [
    { name: "further", effect: "deny", tools: ["send"], when: '"destination" in expansion' },
    { name: "pulled", effect: "deny", when: "tool.changed" },
  ];
  const past = new AgentPast("a");
  past.add(reachOf({ to: "ada@corp.example" }, { name: "send" }));
  past.offer("mail", "read", toolFingerprint({ description: "Reads." }));
  const policies = [{ kind: "policy", name: "p", default: "allow", rules }];
  cacheOf()?.save({ ...HELLO, policies, past: past.untold() });
  const away = async () => ({ kind: "unreachable", reason: "nobody is there" }) as const;
  const listen = () => ({ stop: () => {} });
  const transport = { hello: away, acquire: away, close: away, stopped: away, sessions: away, listen, stop: () => {} };
  const gated = startGatedProcess({ env, transport: transport as unknown as Transport });
  const toolGate = new ToolGate(gated.gate);
  registerToolGate(toolGate);
  try {
    const send = (to: string, agent = "a") =>
      withContext({ agent }, () => guardTool("send", async (_args: { readonly to: string }) => "ok")({ to }));
    const read = () => toolGate.call({ name: "read", options: {}, parameters: [], run: () => "ok", server: "mail" });
    expect(await send("ada@corp.example")).toBe("ok");
    await expect(send("eve@evil.example")).rejects.toMatchObject({ rule: "further" });
    await expect(send("ada@corp.example", "helper")).rejects.toMatchObject({ rule: "further" });
    toolGate.offered("mail", [{ name: "read", description: "Reads." }]);
    expect(await read()).toBe("ok");
    toolGate.offered("mail", [{ name: "read", description: "Reads, and tells." }]);
    await expect(read()).rejects.toMatchObject({ rule: "pulled" });
  } finally {
    registerToolGate(undefined);
    await gated.stop();
  }
});
