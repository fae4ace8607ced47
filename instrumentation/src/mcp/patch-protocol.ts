/**
 * Puts the tool gate before the tools of MCP, in `Protocol` of `@modelcontextprotocol/sdk`, which clients and servers share. A
 * client sends every request through it: `callTool`, tasks, and `request({ method: "tools/call" })` alike; what is refused is not
 * sent, and the arguments that are sent are the copy that was decided on. A server's handlers are registered in it; what
 * is refused there is answered as a tool's error, which the model on the other side reads.
 */
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { findTollgateError } from "../errors.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { below, isDecidedAbove, runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import type { ToolCall } from "../guard/tool-gate.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";

const TOOLS_CALL = "tools/call";
const TOOLS_LIST = "tools/list";
/** What the conventions call an answer that says `isError`. */
const TOOL_ERROR = "tool_error";

type Request = (this: object, request: unknown, ...rest: unknown[]) => Promise<unknown>;
type Handler = (request: unknown, ...rest: unknown[]) => unknown;
type SetRequestHandler = (this: object, schema: unknown, handler: Handler) => unknown;

interface Protocol {
  request: Request;
  setRequestHandler: SetRequestHandler;
}

/** Patches once. False for a class of another shape than the gate knows. */
export function patchProtocol(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const { request, setRequestHandler } = prototype as Partial<Protocol>;
  if (typeof request !== "function" || typeof setRequestHandler !== "function") return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  const protocol = prototype as Protocol;
  replace(protocol, "request", function (this: object, call, ...rest) {
    if (asBody(call)?.["method"] === TOOLS_LIST) return listed(this, request.call(this, call, ...rest));
    return gated(call, (sent) => request.call(this, sent, ...rest), {
      server: serverName(this),
      signal: signalOf(rest[1]),
    });
  });
  replace(protocol, "setRequestHandler", function (this: object, schema, handler) {
    return setRequestHandler.call(this, schema, async (call, ...rest) => {
      try {
        return await gated(call, async (sent) => handler(sent, ...rest), { signal: signalOf(rest[0]) });
      } catch (error) {
        const refusal = asBody(call)?.["method"] === TOOLS_CALL ? findTollgateError(error) : undefined;
        if (refusal === undefined) throw error;
        return { content: [{ type: "text", text: refusal.message }], isError: true };
      }
    });
  });
  return true;
}

/** Asynchronous, because refusals are thrown at once, and who calls awaits a promise. */
async function gated(
  request: unknown,
  send: (request: Body) => Promise<unknown>,
  about: Pick<ToolCall, "server" | "signal">,
): Promise<unknown> {
  const gate = registeredToolGate();
  const call = asBody(request);
  if (gate === undefined || call?.["method"] !== TOOLS_CALL) return send(request as Body);
  const params = asBody(call["params"]) ?? {};
  const name = asText(params["name"]) ?? "";
  if (isDecidedAbove(name, params["arguments"])) {
    trace.getActiveSpan()?.setAttribute(semconv.ATTR_MCP_METHOD_NAME, TOOLS_CALL);
    return told(await below(name, params["arguments"], () => send(call)));
  }
  return runGated(gate, {
    name,
    options: {},
    parameters: params["arguments"] === undefined ? [] : [params["arguments"]],
    run: async (given) => {
      const sent = given.length === 0 ? params : { ...params, arguments: given[0] };
      return told(await send({ ...call, params: sent }));
    },
    ...about,
    attributes: { [semconv.ATTR_MCP_METHOD_NAME]: TOOLS_CALL },
  });
}

/** What a server says of its tools is remembered: another word later on is a change that nobody reviewed. */
async function listed(client: object, answer: Promise<unknown>): Promise<unknown> {
  const tools = asBody(await answer)?.["tools"];
  registeredToolGate()?.offered(serverName(client), tools);
  return answer;
}

function told(answer: unknown): unknown {
  if (asBody(answer)?.["isError"] !== true) return answer;
  const span = trace.getActiveSpan();
  span?.setAttribute(semconv.ATTR_ERROR_TYPE, TOOL_ERROR);
  // What the tool says of it may quote what it has read.
  span?.setStatus({ code: SpanStatusCode.ERROR });
  return answer;
}

/** What the server calls itself; "" before it said so. */
function serverName(client: object): string {
  const { getServerVersion } = client as { getServerVersion?: () => unknown };
  return typeof getServerVersion === "function" ? (asText(asBody(getServerVersion.call(client))?.["name"]) ?? "") : "";
}
