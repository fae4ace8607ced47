import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, it } from "vitest";
import { gatedMethod, isGatedMethod } from "../../../../instrumentation/src/mcp/gated-methods.ts";

it("asks about tools, and about what is read; lists and names of an object's own are neither", () => {
  const asked = [
    "tools/call",
    "resources/read",
    "prompts/get",
    "tools/list",
    "resources/list",
    "toString",
    1,
    undefined,
  ];
  expect(asked.filter(isGatedMethod)).toEqual(["tools/call", "resources/read", "prompts/get"]);
});

it("sends what was decided on, and leaves the rest of the request as it is", () => {
  const params = { uri: "file:///a", _meta: { progressToken: 1 } };
  const { input, withInput } = gatedMethod({ method: "resources/read", params }, {});
  expect(input).toEqual({ uri: "file:///a" });
  expect(withInput({ uri: "file:///b" })).toEqual({
    method: "resources/read",
    params: { ...params, uri: "file:///b" },
  });
});

it("says the session and the version of a connection over HTTP, and nothing of any other", () => {
  const transport = new StreamableHTTPClientTransport(new URL("http://127.0.0.1/mcp"), { sessionId: "s-1" });
  transport.setProtocolVersion("2025-06-18");
  const call = { method: "tools/call", params: { name: "read" } };
  expect(gatedMethod(call, { transport }).attributes).toEqual({
    "mcp.method.name": "tools/call",
    "mcp.session.id": "s-1",
    "mcp.protocol.version": "2025-06-18",
  });
  expect(gatedMethod(call, { transport: {} }).attributes).toEqual({ "mcp.method.name": "tools/call" });
});
