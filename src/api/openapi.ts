/**
 * The API's description (OpenAPI 3.1), made from the same route definitions that the server runs.
 * Source: https://spec.openapis.org/oas/v3.1.1
 */
import { z } from "zod";
import { PROBLEM_MEDIA_TYPE, type ProblemCode, PROBLEMS } from "./problem.ts";
import { type AnyRoute, LINES_MEDIA_TYPE } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiOptions {
  readonly version: string;
  readonly routes: readonly AnyRoute[];
}

export function openApiDocument({ version, routes }: OpenApiOptions): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const url = route.url.replaceAll(/:([a-z_]+)/g, "{$1}");
    paths[url] = { ...paths[url], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Tollgate control API", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      securitySchemes: {
        agent: {
          type: "http",
          scheme: "bearer",
          description: "An agent's key; not needed on loopback without `auth`.",
        },
        person: {
          type: "http",
          scheme: "bearer",
          description:
            "The token printed at first start (role admin), one that was issued, or one of the OIDC provider. Each operation names the least role.",
        },
      },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
}

function operation(route: AnyRoute): Json {
  const { example } = route;
  const parameters = [
    ...parametersOf(route.params, "path"),
    ...parametersOf(route.query, "query"),
    ...(route.isKeyed === true ? [IDEMPOTENCY_KEY] : []),
  ];
  const takesBody = route.method === "POST";
  const problems: ProblemCode[] = [
    ...(takesBody || parameters.length > 0 ? (["invalid_request"] as const) : []),
    ...(route.access === "anyone" ? [] : (["unauthorized"] as const)),
    ...(route.access === "anyone" || route.access === "agent" ? [] : (["forbidden"] as const)),
    ...route.problems,
  ];
  return {
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.access === "anyone" ? {} : { security: [securityOf(route.access)] }),
    ...(takesBody
      ? {
          requestBody: { required: true, content: jsonContent(jsonSchema(route.body, "input"), example?.body) },
        }
      : {}),
    responses: {
      [String(route.status ?? 200)]: {
        description: route.status === 201 ? "Created" : "OK",
        content:
          route.isLines === true
            ? { [LINES_MEDIA_TYPE]: { schema: jsonSchema(route.reply, "output") } }
            : jsonContent(jsonSchema(route.reply, "output"), example?.reply),
      },
      ...problemResponses(problems),
    },
  };
}

/** Names of roles are what OpenAPI 3.1 has the list of a scheme other than OAuth for. */
function securityOf(access: Exclude<AnyRoute["access"], "anyone">): Json {
  return access === "agent" ? { agent: [] } : { person: [access] };
}

function jsonContent(schema: Json, example: unknown): Json {
  return { "application/json": example === undefined ? { schema } : { schema, example } };
}

const IDEMPOTENCY_KEY: Json = {
  name: "idempotency-key",
  in: "header",
  required: false,
  description: "The same key and body are the same request, also after a restart of the processor.",
  schema: { type: "string", minLength: 1, maxLength: 255 },
};

function problemResponses(codes: readonly ProblemCode[]): Json {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  const responses: Record<string, Json> = {};
  for (const [status, group] of byStatus) {
    responses[String(status)] = {
      description: group.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join(". "),
      content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  return responses;
}

function parametersOf(schema: z.ZodType, where: "path" | "query"): Json[] {
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    ...(typeof property["description"] === "string" ? { description: property["description"] } : {}),
    schema: property,
  }));
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}

const PROBLEM_SCHEMA: Json = {
  type: "object",
  description: "RFC 9457 problem details. `code` is stable.",
  required: ["type", "title", "status", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(PROBLEMS) },
    detail: { type: "string" },
    errors: {
      type: "array",
      items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } },
    },
  },
};
