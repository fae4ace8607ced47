/**
 * The requests of MCP that an agent's policies decide on. A tool goes by its own name. What a server reads for a client, or writes for its
 * prompts, has no name that is a tool's: it goes by its method's, with what was asked for as its arguments.
 */
import type { Attributes } from "@opentelemetry/api";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import * as semconv from "../semconv.ts";

export const TOOLS_CALL = "tools/call";

/** What policies are asked about, and how the request is made of what they decided on. */
export interface GatedMethod {
  readonly name: string;
  /** `undefined`: it has no arguments. */
  readonly input: unknown;
  readonly withInput: (input: unknown) => Body;
  readonly attributes: Attributes;
}

/** Of those that read, what they read. */
const READS: Readonly<Record<string, readonly string[]>> = {
  "resources/read": ["uri"],
  "prompts/get": ["name", "arguments"],
};

export function isGatedMethod(method: unknown): boolean {
  return method === TOOLS_CALL || (typeof method === "string" && Object.hasOwn(READS, method));
}

/** `call` is a request of a gated method. */
export function gatedMethod(call: Body, connection: object): GatedMethod {
  const method = asText(call["method"]) ?? "";
  const params = asBody(call["params"]) ?? {};
  const asked = READS[method];
  const attributes = { [semconv.ATTR_MCP_METHOD_NAME]: method, ...attributesOf(connection) };
  if (asked === undefined) {
    return {
      name: asText(params["name"]) ?? "",
      input: params["arguments"],
      withInput: (input) => ({ ...call, params: { ...params, arguments: input } }),
      attributes,
    };
  }
  return {
    name: method,
    input: Object.fromEntries(asked.filter((key) => params[key] !== undefined).map((key) => [key, params[key]])),
    withInput: (input) => ({ ...call, params: { ...params, ...asBody(input) } }),
    attributes: { ...attributes, [semconv.ATTR_GEN_AI_TOOL_TYPE]: "datastore" },
  };
}

/** What the connection says of itself, where it is one over HTTP: another has no session. */
function attributesOf(connection: object): Attributes {
  const { transport } = connection as { readonly transport?: unknown };
  const { sessionId, protocolVersion } = (asBody(transport) ?? {}) as Readonly<Record<string, unknown>>;
  const [session, version] = [asText(sessionId), asText(protocolVersion)];
  return {
    ...(session !== undefined && { [semconv.ATTR_MCP_SESSION_ID]: session }),
    ...(version !== undefined && { [semconv.ATTR_MCP_PROTOCOL_VERSION]: version }),
  };
}
