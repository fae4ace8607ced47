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
/** The packages that came after it have the same classes, in two places. */
const afterwards = (client: object, server: object): Twin =>
  ({ client, server, bareServer: server, transport: client }) as Twin;
const esm2 = afterwards(await import("@modelcontextprotocol/client"), await import("@modelcontextprotocol/server"));
const cjs2 = afterwards(
  require("@modelcontextprotocol/client") as object,
  require("@modelcontextprotocol/server") as object,
);

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

type Client = InstanceType<Twin["client"]["Client"]>;

/** As a client that is not gated: its request is beyond the client's gate once it is sent. */
function asStranger<T>({ transport }: Client, ask: () => Promise<T>): Promise<T> {
  const gate = registeredToolGate();
  if (transport === undefined) throw new Error("it is not connected");
  const send = transport.send.bind(transport);
  registerToolGate(undefined);
  transport.send = (...given) => {
    transport.send = send;
    registerToolGate(gate);
    return send(...given);
  };
  return ask();
}

describe.each([
  ["esm", esm],
  ["cjs", cjs],
  ["esm of version 2", esm2],
  ["cjs of version 2", cjs2],
] as const)("%s", (_name, twin) => {
  /** Version 2 knows what a tool answers by itself. */
  const callWith = (client: Client, given: Parameters<Client["callTool"]>[0], options: { signal: AbortSignal }) =>
    twin === esm || twin === cjs
      ? client.callTool(given, undefined, options)
      : (client.callTool as (...given: unknown[]) => ReturnType<Client["callTool"]>)(given, options);

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
    const answer = await asStranger(client, () => client.callTool({ name, arguments: { path: "/a" } }));
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
    "resources/read": (client: Client) => client.readResource({ uri: "file:///secrets" }),
    "prompts/get": (client: Client) => client.getPrompt({ name: "greet", arguments: { who: "you" } }),
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
    await expect(asStranger<unknown>(client, () => read(client))).rejects.toThrow(`is denied by \`deny: ${method}\``);
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
    const ask = (name: string) => asStranger(client, () => client.callTool({ name, arguments: {} }));
    expect([await ask("read_file"), await ask("delete_file")]).toMatchObject([
      { content: [{ text: "done" }] },
      { isError: true },
    ]);
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
      return seenBy(() => callWith(client, given, { signal: leaving.signal }));
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
    const leaving = new AbortController();
    const given = { name: "read_file", arguments: { path: "/a" } };
    const ask = () => callWith(client, given, { signal: leaving.signal });
    const end = side === "server" ? asStranger(client, ask) : ask();
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
