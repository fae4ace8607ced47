/**
 * A client and a server of MCP in one process, with the twin of the SDK that its argument names (`esm`, `cjs`). Calls tools in
 * each way that there is and prints what came of it: `{seen, ends}`, `seen` being what reached the server.
 */
"use strict";

async function load(twin) {
  const paths = ["client/index.js", "server/index.js", "inMemory.js", "types.js"].map((path) => {
    return `@modelcontextprotocol/sdk/${path}`;
  });
  const modules =
    twin === "esm" ? await Promise.all(paths.map((path) => import(path))) : paths.map((path) => require(path));
  return Object.assign({}, ...modules);
}

async function connect({ Client, Server, InMemoryTransport, CallToolRequestSchema }) {
  const seen = [];
  const server = new Server({ name: "files", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    seen.push(params);
    return { content: [{ type: "text", text: "done" }], isError: params.name === "read_broken" };
  });
  const client = new Client({ name: "agent", version: "1" });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return { client, seen };
}

async function main() {
  const sdk = await load(process.argv[2]);
  const { client, seen } = await connect(sdk);
  const call = (name, args) => client.callTool({ name, arguments: args });
  const raw = { method: "tools/call", params: { name: "delete_all", arguments: {} } };
  const attempts = [
    () => call("read_file", { path: "/a" }),
    () => call("read_broken"),
    () => call("delete_file", { path: "/a" }),
    () => client.request(raw, sdk.CallToolResultSchema),
    () => call("write_file", { path: "/a" }),
    () => client.ping(),
  ];
  const ends = [];
  for (const attempt of attempts) {
    ends.push(
      await attempt().then(
        ({ content }) => content?.[0]?.text ?? "pong",
        ({ code, name }) => `${name} ${code}`,
      ),
    );
  }
  await client.close();
  process.stdout.write(JSON.stringify({ seen, ends }));
}

void main();
