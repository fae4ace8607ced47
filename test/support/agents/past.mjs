/**
 * An agent for tests of what an agent did before. Its argument is `{description, acts}`: a server of MCP describes its tool `read_mail`
 * so, and each act is `{tool, args, agent?}`, or `{mcp}` for a call of that tool. Prints what came of each: "" when it ran.
 */
import { guardTool, withContext } from "@tollgate/instrumentation";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";

const { description, acts } = JSON.parse(process.argv[2]);

const server = new McpServer({ name: "mail", version: "1" });
server.registerTool("read_mail", { description }, async () => ({ content: [{ type: "text", text: "read" }] }));
const client = new Client({ name: "agent", version: "1" });
const [near, far] = InMemoryTransport.createLinkedPair();
await Promise.all([server.connect(far), client.connect(near)]);
await client.listTools();

const codes = [];
for (const { agent, tool, args, mcp = false } of acts) {
  const act = () =>
    mcp ? client.callTool({ name: "read_mail", arguments: {} }) : guardTool(tool, async () => "")(args);
  const ended = agent === undefined ? act() : withContext({ agent }, act);
  codes.push(
    await ended.then(
      () => "",
      ({ code, rule = "" }) => `${code} ${rule}`.trim(),
    ),
  );
}
await client.close();
process.stdout.write(JSON.stringify(codes));
