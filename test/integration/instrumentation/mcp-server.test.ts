/** Tools of MCP servers in a gated process, both twins of the real SDK, over the in-memory transport. */
import { createRequire } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { registeredToolGate, registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import { runGated } from "../../../instrumentation/src/guard/covered-tool.ts";
import { hookFrameworks, startFrameworkRig, type FrameworkRig } from "../../support/framework-rig.ts";
import { seenBy } from "../../support/libraries/seen.ts";
import { policyFile } from "../../support/policy-file.ts";

hookFrameworks();
const require = createRequire(import.meta.url);
const esm = {
  client: await import("@modelcontextprotocol/sdk/client/index.js"),
  server: await import("@modelcontextprotocol/sdk/server/mcp.js"),
  bareServer: await import("@modelcontextprotocol/sdk/server/index.js"),
  transport: await import("@modelcontextprotocol/sdk/inMemory.js"),
};
type Twin = typeof esm;
const cjs: Twin = {
  client: require("@modelcontextprotocol/sdk/client/index.js") as Twin["client"],
  server: require("@modelcontextprotocol/sdk/server/mcp.js") as Twin["server"],
  bareServer: require("@modelcontextprotocol/sdk/server/index.js") as Twin["bareServer"],
  transport: require("@modelcontextprotocol/sdk/inMemory.js") as Twin["transport"],
};

const KILL = {
  id: "k",
  act: "kill",
  selector: "*",
  reason: "enough",
  author: "ops",
  at: "2026-11-22T10:00:00Z",
} as const;

let rig: FrameworkRig;

afterEach(() => rig.stop());

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, twin) => {
  async function connect(runs: unknown[], onRun: () => void = () => {}) {
    const server = new twin.server.McpServer({ name: "files", version: "1.0.0" });
    for (const name of ["read_file", "delete_file"]) {
      server.registerTool(name, { inputSchema: { path: z.string() } }, async (input) => {
        runs.push({ name, ...input });
        onRun();
        return { content: [{ type: "text", text: "done" }] };
      });
    }
    const client = new twin.client.Client({ name: "app", version: "1.0.0" });
    const [near, far] = twin.transport.InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(far), client.connect(near)]);
    return client;
  }

  /** As a server that somebody else's client calls: the client is not gated. */
  async function callAsStranger(name: string): Promise<{ readonly answer: unknown; readonly runs: unknown[] }> {
    const runs: unknown[] = [];
    const client = await connect(runs);
    const gate = registeredToolGate();
    registerToolGate(undefined);
    const asked = client.callTool({ name, arguments: { path: "/a" } });
    registerToolGate(gate);
    const answer = await asked;
    return { answer, runs };
  }

  it("runs what the policy allows, and answers with an error that says why for what it does not", async () => {
    await using policy = await policyFile({ allow: ["read_*"], deny: ["delete_*"] });
    rig = await startFrameworkRig({ env: { TOLLGATE_POLICY: policy.path } });
    const allowed = await callAsStranger("read_file");
    const denied = await callAsStranger("delete_file");
    expect(allowed).toMatchObject({
      answer: { content: [{ text: "done" }] },
      runs: [{ name: "read_file", path: "/a" }],
    });
    expect(denied).toMatchObject({ answer: { isError: true }, runs: [] });
    expect(JSON.stringify(denied.answer)).toContain("is denied by `deny: delete_*`");
    expect(rig.tools().map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.tool.name": "read_file", "mcp.method.name": "tools/call", "tollgate.decision": "allow" },
      { "gen_ai.tool.name": "delete_file", "mcp.method.name": "tools/call", "tollgate.decision": "deny" },
    ]);
  });

  /** With something to read and a prompt, each of which tells when it is asked for. */
  async function connectReading(runs: unknown[]) {
    const server = new twin.server.McpServer({ name: "files", version: "1.0.0" });
    server.registerResource("secrets", "file:///secrets", {}, (uri) => {
      runs.push(uri.href);
      return { contents: [{ uri: uri.href, text: "s" }] };
    });
    server.registerPrompt("greet", { argsSchema: { who: z.string() } }, ({ who }) => {
      runs.push(who);
      return { messages: [{ role: "user", content: { type: "text", text: who } }] };
    });
    const client = new twin.client.Client({ name: "app", version: "1.0.0" });
    const [near, far] = twin.transport.InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(far), client.connect(near)]);
    return client;
  }

  const READS = {
    "resources/read": (client: InstanceType<Twin["client"]["Client"]>) =>
      client.readResource({ uri: "file:///secrets" }),
    "prompts/get": (client: InstanceType<Twin["client"]["Client"]>) =>
      client.getPrompt({ name: "greet", arguments: { who: "you" } }),
  };

  /** With what each asks for. A condition that fails denies as well, so each says what it needs. */
  const ASKED: Readonly<Record<string, string>> = {
    "resources/read": 'args.uri == "file:///secrets"',
    "prompts/get": 'args.name == "greet" && has(args.arguments) && args.arguments.who == "you"',
  };

  it.each(Object.entries(READS))("decides on %s as on a tool of that name, once", async (method, read) => {
    await using policy = await policyFile({
      rules: [
        { name: "asked-for", effect: "deny", tools: [method], when: ASKED[method] ?? "" },
        { name: "others", effect: "allow", tools: ["*"] },
      ],
    });
    for (const env of [{}, { TOLLGATE_POLICY: policy.path }]) {
      await rig?.stop();
      rig = await startFrameworkRig({ env });
      const runs: unknown[] = [];
      const client = await connectReading(runs);
      const isDenied = "TOLLGATE_POLICY" in env;
      const end = await seenBy(() => read(client));
      expect([JSON.stringify(end).includes("tool_denied"), runs.length]).toEqual([isDenied, isDenied ? 0 : 1]);
      expect(rig.tools().map(({ attributes }) => attributes)).toMatchObject([
        { "gen_ai.tool.name": method, "mcp.method.name": method, "tollgate.decision": isDenied ? "deny" : "allow" },
      ]);
    }
  });

  it.each(Object.entries(READS))("answers a stranger's %s with an error that says why", async (method, read) => {
    await using policy = await policyFile({ allow: ["*"], deny: [method] });
    rig = await startFrameworkRig({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    const client = await connectReading(runs);
    const gate = registeredToolGate();
    registerToolGate(undefined);
    const asked = read(client);
    registerToolGate(gate);
    await expect(asked).rejects.toThrow(`is denied by \`deny: ${method}\``);
    expect(runs).toEqual([]);
  });

  it("decides what a server leaves to its handler for all else", async () => {
    await using policy = await policyFile({ allow: ["read_*"], deny: ["delete_*"] });
    rig = await startFrameworkRig({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    const server = new twin.bareServer.Server({ name: "any", version: "1.0.0" }, { capabilities: { tools: {} } });
    server.fallbackRequestHandler = async ({ params }) => {
      runs.push(params?.["name"]);
      return { content: [{ type: "text", text: "done" }] };
    };
    const client = new twin.client.Client({ name: "app", version: "1.0.0" });
    const [near, far] = twin.transport.InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(far), client.connect(near)]);
    const gate = registeredToolGate();
    registerToolGate(undefined);
    const asked = ["read_file", "delete_file"].map((name) => client.callTool({ name, arguments: {} }));
    registerToolGate(gate);
    expect(await Promise.all(asked)).toMatchObject([{ content: [{ text: "done" }] }, { isError: true }]);
    expect(runs).toEqual(["read_file"]);
    const decisions = rig.tools().map(({ attributes }) => attributes["tollgate.decision"]);
    expect(new Set(decisions)).toEqual(new Set(["allow", "deny"]));
  });

  it("decides each of 64 calls side by side once", async () => {
    await using policy = await policyFile({ allow: ["read_*"], deny: ["delete_*"] });
    rig = await startFrameworkRig({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    const client = await connect(runs);
    const ends = await Promise.allSettled(
      Array.from({ length: 64 }, (_, index) =>
        client.callTool({ name: index % 2 === 0 ? "read_file" : "delete_file", arguments: { path: `/${index}` } }),
      ),
    );
    expect(ends.map(({ status }) => status)).toEqual(
      ends.map((_, index) => (index % 2 === 0 ? "fulfilled" : "rejected")),
    );
    expect(runs).toHaveLength(32);
    expect(rig.tools().filter(({ attributes }) => attributes["tollgate.decision"] === "allow")).toHaveLength(32);
    expect(rig.tools()).toHaveLength(64);
  });

  it("gives up what the app aborts, as the bare SDK does", async () => {
    rig = await startFrameworkRig();
    const abort = async () => {
      const leaving = new AbortController();
      const client = await connect([], () => leaving.abort());
      const given = { name: "read_file", arguments: { path: "/a" } };
      return seenBy(() => client.callTool(given, undefined, { signal: leaving.signal }));
    };
    const through = await abort();
    expect(through).toMatchObject({ type: "error" });
    expect(rig.tools().map(({ attributes }) => attributes["tollgate.decision"])).toEqual(["allow"]);
    expect(rig.tools()[0]?.attributes["error.type"]).toBeDefined();
    registerToolGate(undefined);
    expect(through).toEqual(await abort());
  });

  it.each(["client", "server"])("does not run what was given up while the %s's decision waited", async (side) => {
    rig = await startFrameworkRig();
    const runs: unknown[] = [];
    const client = await connect(runs);
    const { stops } = rig.gated.gate;
    stops.onStops({ epoch: "e", revision: 1, acts: [{ ...KILL, act: "pause" }] });
    const gate = registeredToolGate();
    if (side === "server") registerToolGate(undefined);
    const leaving = new AbortController();
    const given = { name: "read_file", arguments: { path: "/a" } };
    const end = client.callTool(given, undefined, { signal: leaving.signal });
    registerToolGate(gate);
    // What came by the other side is waiting by then.
    await client.ping();
    leaving.abort(new Error("the app's own"));
    await expect(end).rejects.toThrow("the app's own");
    await client.ping();
    stops.onStops({ epoch: "e", revision: 2, acts: [] });
    await expect.poll(() => rig.tools()).toHaveLength(1);
    expect(runs).toEqual([]);
    await client.callTool(given);
    expect(runs).toHaveLength(1);
  });

  it("sends nothing for an agent that was killed", async () => {
    rig = await startFrameworkRig();
    const runs: unknown[] = [];
    const client = await connect(runs);
    rig.gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
    const end = client.callTool({ name: "read_file", arguments: { path: "/a" } });
    await expect(end).rejects.toMatchObject({ code: "agent_killed" });
    expect(runs).toEqual([]);
    expect(rig.tools().map(({ attributes }) => attributes["error.type"])).toEqual(["agent_killed"]);
  });

  it("decides once where a framework's tool, the client and the server are in one process", async () => {
    rig = await startFrameworkRig();
    const runs: unknown[] = [];
    const client = await connect(runs);
    const gate = registeredToolGate();
    if (gate === undefined) throw new Error("no gate");
    const call = (input: unknown) => client.callTool({ name: "read_file", arguments: input as { path: string } });
    const names = () => rig.tools().map(({ attributes }) => attributes["gen_ai.tool.name"]);
    const run = (name: string, given: { readonly path: string }) =>
      runGated(gate, { name, options: {}, parameters: [{ path: "/a" }], run: () => call(given) });
    await run("read_file", { path: "/a" });
    expect(names()).toEqual(["read_file"]);
    // Other arguments are another call, and another name may be another rule's.
    await run("read_file", { path: "/b" });
    await run("files__read_file", { path: "/a" });
    expect(names()).toEqual(["read_file", "read_file", "read_file", "read_file", "files__read_file"]);
    expect(runs).toHaveLength(3);
  });
});
