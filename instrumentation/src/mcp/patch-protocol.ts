/**
 * Puts the tool gate before the tools of MCP servers, in `Protocol` of `@modelcontextprotocol/sdk`, through which a client
 * sends every request: `callTool`, tasks, and `request({ method: "tools/call" })` alike. What is refused is not sent, and the
 * arguments that are sent are the copy that was decided on.
 */
import { trace } from "@opentelemetry/api";
import { asBody, asText } from "../gate/endpoint.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";

const TOOLS_CALL = "tools/call";
/** What the conventions call an answer that says `isError`. */
const TOOL_ERROR = "tool_error";

type Request = (this: object, request: unknown, ...rest: unknown[]) => Promise<unknown>;

/** Patches once. False for a class of another shape than the gate knows. */
export function patchProtocol(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const protocol = prototype as { request?: Request };
  const original = protocol.request;
  if (typeof original !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  replace(protocol as { request: Request }, "request", function (this: object, request, ...rest) {
    const gate = registeredToolGate();
    const call = asBody(request);
    if (gate === undefined || call?.["method"] !== TOOLS_CALL) return original.call(this, request, ...rest);
    const params = asBody(call["params"]) ?? {};
    const send = async (given: readonly unknown[]): Promise<unknown> => {
      const sent = given.length === 0 ? params : { ...params, arguments: given[0] };
      const answer = await original.call(this, { ...call, params: sent }, ...rest);
      if (asBody(answer)?.["isError"] === true) {
        trace.getActiveSpan()?.setAttribute(semconv.ATTR_ERROR_TYPE, TOOL_ERROR);
      }
      return answer;
    };
    // Asynchronous, because refusals are thrown at once, and the app awaits a promise.
    return (async () =>
      gate.call({
        name: asText(params["name"]) ?? "",
        options: {},
        parameters: params["arguments"] === undefined ? [] : [params["arguments"]],
        run: send,
        attributes: { [semconv.ATTR_MCP_METHOD_NAME]: TOOLS_CALL },
      }))();
  });
  return true;
}
