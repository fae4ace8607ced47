/**
 * A client and a server of MCP, `node mcp.cjs v1|v2 esm|cjs [apart | serve]`: v1 is `@modelcontextprotocol/sdk`, v2 the packages after it, in one process or
 * `apart`: then the server (`serve`) is a gated child, and the client is its stranger. Calls tools in each way that there is and prints what
 * came of it: `{seen, ends}`, `seen` being what reached the server.
 */
"use strict";

const V1 = ["client/index.js", "client/stdio.js", "server/index.js", "server/stdio.js", "inMemory.js", "types.js"].map(
  (path) => `@modelcontextprotocol/sdk/${path}`,
);
const V2 = ["client", "client/stdio", "server", "server/stdio"].map((path) => `@modelcontextprotocol/${path}`);

const [version, twin, role] = process.argv.slice(2);

async function load() {
  const paths = version === "v1" ? V1 : V2;
  const modules =
    twin === "esm" ? await Promise.all(paths.map((path) => import(path))) : paths.map((path) => require(path));
  return Object.assign({}, ...modules);
}

function serverOf({ Server, CallToolRequestSchema = "tools/call", ...schemas }, seen) {
  const { ReadResourceRequestSchema = "resources/read" } = schemas;
  const server = new Server({ name: "files", version: "1" }, { capabilities: { tools: {}, resources: {} } });
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
    seen.push(params);
    return { contents: [{ uri: params.uri, text: "done" }] };
  });
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const { name, arguments: args } = params;
    seen.push({ name, arguments: args });
    return { content: [{ type: "text", text: "done" }], isError: name === "read_broken" };
  });
  return server;
}

async function connect(sdk, seen) {
  const client = new sdk.Client({ name: "agent", version: "1" });
  if (role === "apart") {
    const args = ["--import", "@tollgate/instrumentation/register", __filename, version, twin, "serve"];
    const env = { ...process.env };
    await client.connect(new sdk.StdioClientTransport({ command: process.execPath, args, env }));
    return client;
  }
  const [near, far] = sdk.InMemoryTransport.createLinkedPair();
  await Promise.all([serverOf(sdk, seen).connect(far), client.connect(near)]);
  return client;
}

async function main() {
  const sdk = await load();
  const seen = [];
  if (role === "serve") return serverOf(sdk, seen).connect(new sdk.StdioServerTransport());
  const client = await connect(sdk, seen);
  const call = (name, args) => client.callTool({ name, arguments: args });
  const raw = { method: "tools/call", params: { name: "delete_all", arguments: {} } };
  const attempts = [
    () => call("read_file", { path: "/a" }),
    () => call("read_broken"),
    () => call("delete_file", { path: "/a" }),
    () => client.request(raw, sdk.CallToolResultSchema),
    () => call("write_file", { path: "/a" }),
    () => client.readResource({ uri: "file:///a" }),
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
