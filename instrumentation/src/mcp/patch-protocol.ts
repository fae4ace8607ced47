/**
 * Puts the tool gate before the tools of MCP, in `Protocol` of `@modelcontextprotocol/sdk` and of the packages that came after it
 * (`client`, `server`), which clients and servers share. What reads (resources, prompts) is decided on as a tool of its method's name. A client sends every request through it: `callTool`, tasks, and `request({ method:
 * "tools/call" })` alike; what is refused is not sent, and the arguments that are sent are the copy that was decided on. A
 * server's handlers are registered in it; what is refused there is answered as a tool's error, which the model on the other side reads.
 */
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { findTollgateError } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { below, isDecidedAbove, runGated } from "../guard/covered-tool.ts";
import { signalOf } from "../guard/tool-signal.ts";
import type { ToolCall } from "../guard/tool-call.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";
import { gatedMethod, isGatedMethod, TOOLS_CALL } from "./gated-methods.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { rememberTask, tellTask } from "./tasks.ts";

const TOOLS_LIST = "tools/list";
const TASKS_RESULT = "tasks/result";
/** What the conventions call an answer that says `isError`. */
const TOOL_ERROR = "tool_error";

type Request = (this: object, request: unknown, ...rest: unknown[]) => Promise<unknown>;
type Handler = (request: unknown, ...rest: unknown[]) => unknown;
/** By the schema of the request, or by its method: then with the schema of its parameters between, and a handler of these. */
type SetRequestHandler = (this: object, what: unknown, ...rest: unknown[]) => unknown;

interface Protocol {
  request: Request;
  setRequestHandler: SetRequestHandler;
  /** Takes a request off the wire; no part of the API. */
  _onrequest?: (this: WithFallback, ...parameters: unknown[]) => unknown;
}

/** Its handler of all requests that no other one is for. */
interface WithFallback {
  fallbackRequestHandler?: Handler | undefined;
}

/** Patches once, where a class of clients or servers has them from. False for a class of another shape than the gate knows. */
export function patchProtocol(prototype: object | null): boolean {
  const protocol = protocolOf(prototype);
  if (protocol === undefined) return false;
  if (isPatched(protocol)) return true;
  Object.defineProperty(protocol, PATCHED, { value: true });
  patchRequest(protocol);
  patchHandlers(protocol);
  patchFallback(protocol);
  return true;
}

function protocolOf(prototype: object | null): Protocol | undefined {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const { request, setRequestHandler } = at as Partial<Protocol>;
    const isWhole = typeof request === "function" && typeof setRequestHandler === "function";
    if (isWhole && Object.hasOwn(at, "request") && Object.hasOwn(at, "setRequestHandler")) return at as Protocol;
  }
  return undefined;
}

function patchRequest(protocol: Protocol): void {
  const { request } = protocol;
  replace(protocol, "request", function (this: object, call, ...rest) {
    const send = (sent: unknown): Promise<unknown> => request.call(this, sent, ...rest);
    const method = asBody(call)?.["method"];
    if (isGatedMethod(method)) {
      return gated(call as Body, send, {
        connection: this,
        about: { server: serverName(this), signal: signalOf(rest[1]) ?? signalOf(rest[0]) },
      });
    }
    switch (method) {
      case TOOLS_LIST:
        return listed(this, send(call));
      case TASKS_RESULT:
        return tellTask(this, call, send(call));
      default:
        return send(call);
    }
  });
}

function patchHandlers(protocol: Protocol): void {
  const { setRequestHandler } = protocol;
  replace(protocol, "setRequestHandler", function (this: object, what, ...rest) {
    const handler = rest.pop();
    if (typeof handler !== "function" || (typeof what === "string" && !isGatedMethod(what) && what !== TASKS_RESULT))
      return setRequestHandler.call(this, what, ...rest, ...(handler === undefined ? [] : [handler]));
    const handle = handler as Handler;
    // With a schema of its own it gets the parameters.
    const ours: Handler =
      rest.length === 0
        ? (request, ...more) => answer(this, { request, context: more[0] }, (sent) => handle(sent, ...more))
        : (params, ...more) =>
            answer(this, { request: { method: what, params }, context: more[0] }, (sent) =>
              handle(asBody(sent)?.["params"], ...more),
            );
    return setRequestHandler.call(this, what, ...rest, ours);
  });
}

/** It is a property that an app sets at any time: looked at before each request. */
function patchFallback(protocol: Protocol): void {
  const onRequest = protocol._onrequest;
  if (typeof onRequest !== "function") return;
  const ours = new WeakSet<Handler>();
  replace(protocol, "_onrequest", function (this: WithFallback, ...parameters) {
    const given = this.fallbackRequestHandler;
    if (typeof given === "function" && !ours.has(given)) {
      const gatedHandler: Handler = (request, ...more) =>
        answer(this, { request, context: more[0] }, (sent) => given.call(this, sent, ...more));
      ours.add(gatedHandler);
      this.fallbackRequestHandler = gatedHandler;
    }
    return onRequest.apply(this, parameters);
  });
}

interface Asked {
  readonly request: unknown;
  readonly context: unknown;
}

/** What a server answers. */
async function answer(server: object, { request, context }: Asked, handle: Handler): Promise<unknown> {
  const call = asBody(request);
  if (call?.["method"] === TASKS_RESULT) return tellTask(server, call, handle(request));
  if (call === undefined || !isGatedMethod(call["method"])) return handle(request);
  const signal = signalOf(context) ?? signalOf(asBody(context)?.["mcpReq"]);
  try {
    return await gated(call, async (sent) => handle(sent), { connection: server, about: { signal } });
  } catch (error) {
    const refusal = findTollgateError(error);
    // Who asked for a task reads an answer of another shape as none.
    const isTool = call["method"] === TOOLS_CALL && asBody(call["params"])?.["task"] === undefined;
    if (refusal === undefined || !isTool) throw error;
    return refused(refusal);
  }
}

function refused({ message }: TollgateError): unknown {
  return { content: [{ type: "text", text: message }], isError: true };
}

interface Way {
  readonly connection: object;
  readonly about: Pick<ToolCall, "server" | "signal">;
}

/** Asynchronous, because refusals are thrown at once, and who calls awaits a promise. */
async function gated(
  call: Body,
  send: (request: Body) => Promise<unknown>,
  { connection, about }: Way,
): Promise<unknown> {
  const gate = registeredToolGate();
  if (gate === undefined) return send(call);
  const { name, input, withInput, attributes } = gatedMethod(call, connection);
  if (isDecidedAbove(name, input)) {
    trace.getActiveSpan()?.setAttributes(attributes);
    return told(await below(name, input, () => send(call)));
  }
  return runGated(gate, {
    name,
    options: {},
    parameters: input === undefined ? [] : [input],
    run: async (given, gives) => {
      const result = told(await send(given.length === 0 ? call : withInput(given[0])));
      rememberTask(connection, result, gives);
      return result;
    },
    ...about,
    attributes,
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
