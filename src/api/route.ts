import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Person, Role } from "../identity/roles.ts";
import { type Access, type AgentCaller, OF_ALL_TENANTS } from "./access.ts";
import { acceptPlain, UNDECIDED } from "./plain-schema.ts";
import { ApiProblem, type ProblemCode } from "./problem.ts";
import type { Tenant } from "./tenancy.ts";

/** Nothing, where a route takes no body or no parameters. */
export const NOTHING = z.object({});
const NOTHING_GIVEN: z.output<typeof NOTHING> = Object.freeze({});

/**
 * One operation: what it takes, what it answers, who may ask. The server validates with these schemas and
 * `/v1/openapi.json` is made from them, so that the description cannot drift from the code.
 */
export interface Route<
  Body extends z.ZodType,
  Query extends z.ZodType,
  Params extends z.ZodType,
  Reply extends z.ZodType,
> {
  readonly method: "GET" | "POST";
  /** Fastify's form: `/v1/traces/:id`. */
  readonly url: string;
  readonly summary: string;
  /** `agent`: an agent's key, where keys are configured. A role: the least that a person has to have. */
  readonly access: "anyone" | "agent" | Role;
  readonly body: Body;
  readonly query: Query;
  readonly params: Params;
  readonly reply: Reply;
  /** Status of success. @default 200 */
  readonly status?: 201;
  /**
   * What people of one tenant get: `own`, what is of their tenant, which the handler sees to by `call.tenant`. Absent: they are
   * refused, for it concerns all.
   */
  readonly tenants?: "own";
  /** For the description: a body that is valid, and what it may be answered with. */
  readonly example?: { readonly body: z.input<Body>; readonly reply: z.input<Reply> };
  /** Whether the `Idempotency-Key` header counts here. */
  readonly isKeyed?: boolean;
  /** Asked around every call of a model: see frequent.ts. */
  readonly isFrequent?: boolean;
  /** Answers by lines of JSON as they come; `reply` is the form of one. Made by `linesRoute`. */
  readonly isLines?: true;
  /** Of its body, where `api.body_max_bytes` is too little. */
  readonly bodyMaxBytes?: number;
  /** Problems that are particular to this operation. */
  readonly problems: readonly ProblemCode[];
  handle(call: RouteCall<z.output<Body>, z.output<Query>, z.output<Params>>): Promise<z.input<Reply>>;
}

export interface RouteCall<Body, Query, Params> {
  readonly body: Body;
  readonly query: Query;
  readonly params: Params;
  /** Set on routes for agents. */
  readonly caller: AgentCaller;
  /** Who asks, on routes for people, as authentication shows it; "" on others. */
  readonly person: string;
  /** The one tenant that the person is of. */
  readonly tenant: Tenant;
  readonly headers: IncomingHttpHeaders;
}

export type AnyRoute = Route<z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

const ANYONE: AgentCaller = { kind: "agent", id: "", isBoundTo: undefined };

/** Fixes the types of one route, and forgets them for the list. */
export function route<
  Body extends z.ZodType,
  Query extends z.ZodType,
  Params extends z.ZodType,
  Reply extends z.ZodType,
>(definition: Route<Body, Query, Params, Reply>): AnyRoute {
  return definition as unknown as AnyRoute;
}

/** The same of a route whose answer is long: lines of JSON, of which `reply` describes one. */
export function linesRoute<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType>(
  definition: Omit<Route<Body, Query, Params, z.ZodType>, "handle"> & {
    handle(call: RouteCall<z.output<Body>, z.output<Query>, z.output<Params>>): Promise<Readable>;
  },
): AnyRoute {
  return { ...definition, isLines: true } as unknown as AnyRoute;
}

export const LINES_MEDIA_TYPE = "application/x-ndjson";

export function addRoute(app: FastifyInstance, access: Access, definition: AnyRoute): void {
  app.route({
    method: definition.method,
    url: definition.url,
    ...(definition.bodyMaxBytes === undefined ? {} : { bodyLimit: definition.bodyMaxBytes }),
    handler: async (request, reply) => {
      if (definition.status !== undefined) void reply.status(definition.status);
      if (definition.isLines === true) void reply.type(LINES_MEDIA_TYPE);
      const { body, query, params, headers } = request;
      return answerTo(definition, access, { body, query, params, headers });
    },
  });
}

/** A request as it came, its JSON parsed and nothing else believed. */
export interface RawRequest {
  readonly body: unknown;
  readonly query: unknown;
  readonly params: unknown;
  readonly headers: IncomingHttpHeaders;
}

/** Asks who it is, checks what was sent, and does it. Throws `ApiProblem`, or rejects with it. */
export function answerTo(definition: AnyRoute, access: Access, raw: RawRequest): Promise<unknown> {
  const asked = whoAsks(definition, access, raw.headers);
  // No turn of the loop for agents, who ask around every call.
  return asked instanceof Promise
    ? asked.then((asker) => handle(definition, raw, asker))
    : handle(definition, raw, asked);
}

function handle(definition: AnyRoute, { body, query, params, headers }: RawRequest, asker: Asker): Promise<unknown> {
  return definition.handle({
    body: parse(definition.body, body ?? {}, "body"),
    query: parse(definition.query, query, "query"),
    params: parse(definition.params, params, "path"),
    caller: asker.caller,
    person: asker.person,
    tenant: asker.tenant,
    headers,
  });
}

function whoAsks(definition: AnyRoute, access: Access, { authorization }: IncomingHttpHeaders): Asker | Promise<Asker> {
  switch (definition.access) {
    case "agent":
      return { caller: access.agent(authorization), person: "", tenant: undefined };
    case "anyone":
      return { caller: ANYONE, person: "", tenant: undefined };
    default:
      return personAsks(definition, access.person(authorization, definition.access));
  }
}

async function personAsks({ tenants }: AnyRoute, asked: Promise<Person>): Promise<Asker> {
  const { name, tenant } = await asked;
  if (tenant !== undefined && tenants === undefined) throw new ApiProblem("forbidden", OF_ALL_TENANTS);
  return { caller: ANYONE, person: name, tenant };
}

interface Asker {
  readonly caller: AgentCaller;
  readonly person: string;
  readonly tenant: Tenant;
}

function parse<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  // Takes anything and gives nothing.
  if ((schema as z.ZodType) === NOTHING) return NOTHING_GIVEN as z.output<S>;
  const plain = acceptPlain(schema, value);
  if (plain !== UNDECIDED) return plain as z.output<S>;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, 20).map((issue) => ({
    path: [where, ...issue.path.map(String)].join("."),
    message: issue.message,
  }));
  throw new ApiProblem("invalid_request", errors.map((error) => `${error.path}: ${error.message}`).join("; "), errors);
}
