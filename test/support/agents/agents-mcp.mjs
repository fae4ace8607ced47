/** An agent of `@openai/agents` whose model asks for a tool of an MCP server, by the client that the package brings: `node agents-mcp.mjs TOOL`. Prints what the tool gave. */
import { join } from "node:path";
import { Agent, MCPServerStdio, Runner } from "@openai/agents";

const [name] = process.argv.slice(2);
const args = [join(import.meta.dirname, "mcp.cjs"), "v2", "cjs", "serve"];
const server = new MCPServerStdio({ name: "files", command: process.execPath, args });
// It has handlers only, and lists nothing.
const inputSchema = {
  type: "object",
  properties: { path: { type: "string" } },
  required: [],
  additionalProperties: false,
};
server.listTools = async () => [{ name, description: name, inputSchema }];

const usage = { requests: 1, inputTokens: 1, outputTokens: 1, totalTokens: 2 };
const call = { type: "function_call", id: "f", callId: "c", name, arguments: '{"path":"/a"}', status: "completed" };
const content = [{ type: "output_text", text: "end" }];
const outputs = [[call], [{ type: "message", id: "m", role: "assistant", status: "completed", content }]];
const model = { getResponse: async () => ({ usage, output: outputs.shift(), responseId: "r" }) };

await server.connect();
const agent = new Agent({ name: "a", instructions: "Help.", model, mcpServers: [server] });
const { newItems } = await new Runner({ tracingDisabled: true }).run(agent, "hi");
await server.close();
const given = newItems.flatMap(({ output }) => (output === undefined ? [] : [output.text ?? output]));
process.stdout.write(JSON.stringify({ seen: [], ends: given }));
