/** `/v1/credentials`: what the processor issued to people and agents. A secret is in the answer to its issue, and nowhere else. */
import { z } from "zod";
import { durationMs } from "../budget/duration.ts";
import type { RecordChange } from "../changes/change-log.ts";
import {
  type Credential,
  type CredentialKeeper,
  CredentialStoreError,
  type Issued,
} from "../identity/credential-store.ts";
import { ROLES } from "../identity/roles.ts";
import { TENANT_NAME } from "../support/tenant.ts";
import { type Access, vouchesFor } from "./access.ts";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

export const credentialRow = z.object({
  id: z.string(),
  kind: z.enum(["person", "agent"]),
  name: z.string(),
  role: z.enum(ROLES).optional().describe("Of a person."),
  tenant: z
    .string()
    .optional()
    .describe("Of a person that sees and touches one tenant only; of an agent that acts for one only."),
  issued_at: z.string(),
  issued_by: z.string(),
  expires_at: z.string().optional().describe("Absent: it does not end by itself."),
  parent: z.string().optional().describe("The credential that it was delegated from, and ends with."),
});

const issuedReply = credentialRow.extend({ secret: z.string().describe("Shown this once; only its hash is kept.") });

export type CredentialRow = z.output<typeof credentialRow>;
export type IssuedRow = z.output<typeof issuedReply>;

const name = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._@/+-]{0,127}$/u, { error: "expected 1 to 128 letters, digits, or `._@/+-`" });
const forTime = z.string().max(16).describe("`1h` to `366d`; absent: until it is revoked.").optional();

const issueRequest = z
  .strictObject({
    kind: z.enum(["person", "agent"]),
    name,
    role: z.enum(ROLES).optional(),
    tenant: z
      .string()
      .regex(TENANT_NAME)
      .optional()
      .describe("Of a person: sees and touches only what is of this tenant. Of an agent: acts for no other one."),
    for: forTime,
  })
  .refine(({ kind, role }) => (kind === "person") === (role !== undefined), {
    path: ["role"],
    error: "a person needs a role, and an agent has none",
  });

export interface CredentialRoutesOptions {
  readonly credentials: CredentialKeeper;
  readonly access: Access;
  readonly recordChange: RecordChange;
}

const byId = z.object({ id: z.string().regex(/^cred_[0-9a-f]{16}$/) });

export function credentialRoutes(options: CredentialRoutesOptions): readonly AnyRoute[] {
  return [list(options), issue(options), rotate(options), revoke(options), delegate(options)];
}

function list({ credentials }: CredentialRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/credentials",
    summary: "Credentials that are good now, without their secrets",
    access: "admin",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({ credentials: z.array(credentialRow) }),
    problems: [],
    handle: async () => ({
      credentials: [...credentials.list("person"), ...credentials.list("agent")].map(toRow),
    }),
  });
}

function issue({ credentials, recordChange }: CredentialRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/credentials",
    summary: "Issue a token to a person, or a key to an agent",
    access: "admin",
    body: issueRequest,
    query: NOTHING,
    params: NOTHING,
    reply: issuedReply,
    status: 201,
    problems: ["not_stored"],
    handle: async ({ body, person }) => {
      const tenant = body.tenant === undefined ? {} : { tenant: body.tenant };
      const shared = { issuedBy: person, ...forMsOf(body.for), ...tenant };
      const issued = await stored(() =>
        body.kind === "agent"
          ? credentials.issue({ ...shared, kind: "agent", name: body.name })
          : credentials.issue({ ...shared, kind: "person", name: body.name, role: body.role ?? "viewer" }),
      );
      const after = toRow(issued.credential);
      await recordChange({ author: person, action: "credential.issue", subject: subjectOf(after), after });
      return { ...after, secret: issued.secret };
    },
  });
}

function rotate({ credentials, recordChange }: CredentialRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/credentials/:id/rotate",
    summary: "Issue a new secret for the same name; the old one stays good for a while",
    access: "admin",
    body: z.strictObject({ overlap: z.string().max(16).default("0s").describe("How long the old one stays good.") }),
    query: NOTHING,
    params: byId,
    reply: issuedReply,
    status: 201,
    problems: ["not_found", "not_stored"],
    handle: async ({ body, params: { id }, person }) => {
      const before = credentials.byId(id);
      const overlapMs = body.overlap === "0s" ? 0 : timeMs(body.overlap, "overlap");
      const issued = await stored(() => credentials.rotate(id, { by: person, overlapMs }));
      if (before === undefined || issued === undefined) throw unknown(id);
      const after = toRow(issued.credential);
      const subject = subjectOf(after);
      await recordChange({ author: person, action: "credential.rotate", subject, before: toRow(before), after });
      return { ...after, secret: issued.secret };
    },
  });
}

function revoke({ credentials, recordChange }: CredentialRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/credentials/:id/revoke",
    summary: "End a credential at once, and all that was delegated from it",
    access: "admin",
    body: z.strictObject({}),
    query: NOTHING,
    params: byId,
    reply: credentialRow,
    problems: ["not_found", "not_stored"],
    handle: async ({ params: { id }, person }) => {
      const revoked = await stored(() => credentials.revoke(id));
      if (revoked === undefined) throw unknown(id);
      const before = toRow(revoked);
      await recordChange({ author: person, action: "credential.revoke", subject: subjectOf(before), before });
      return before;
    },
  });
}

/** What an agent hands on is bound to a name below its own, never outlives its own, and may do nothing that it may not. */
function delegate({ credentials, access, recordChange }: CredentialRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/credentials/delegate",
    summary: "An agent issues a key to an agent below it: `planner` to `planner/researcher`",
    access: "agent",
    body: z.strictObject({
      agent: name,
      for: z.string().max(16).describe("`1m` to `366d`; it never outlives the own key."),
    }),
    query: NOTHING,
    params: NOTHING,
    reply: issuedReply,
    status: 201,
    problems: ["forbidden", "not_stored"],
    handle: async ({ body, caller }) => {
      const own = access.credentialOf(caller);
      if (own === undefined)
        throw new ApiProblem("forbidden", "only a key that was issued to one agent can be handed on");
      vouchesFor(caller, own.name);
      if (!body.agent.startsWith(`${own.name}/`)) {
        throw new ApiProblem("forbidden", `the name has to start with \`${own.name}/\``);
      }
      const forMs = timeMs(body.for, "for");
      const tenant = own.tenant === undefined ? {} : { tenant: own.tenant };
      const shared = { parent: own.id, issuedBy: `agent ${own.name}`, forMs, ...tenant };
      const issued = await stored(() => credentials.issue({ kind: "agent", name: body.agent, ...shared }));
      const after = toRow(issued.credential);
      await recordChange({
        author: `agent ${own.name}`,
        action: "credential.delegate",
        subject: subjectOf(after),
        after,
      });
      return { ...after, secret: issued.secret };
    },
  });
}

function toRow({
  id,
  kind,
  name: of,
  role,
  tenant,
  issuedAtMs,
  issuedBy,
  expiresAtMs,
  parent,
}: Credential): CredentialRow {
  return {
    id,
    kind,
    name: of,
    ...(role === undefined ? {} : { role }),
    ...(tenant === undefined ? {} : { tenant }),
    issued_at: new Date(issuedAtMs).toISOString(),
    issued_by: issuedBy,
    ...(expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs).toISOString() }),
    ...(parent === undefined ? {} : { parent }),
  };
}

function subjectOf({ kind, name: of, id }: CredentialRow): string {
  return `${kind} ${of} (${id})`;
}

function forMsOf(text: string | undefined): { readonly forMs?: number } {
  return text === undefined ? {} : { forMs: timeMs(text, "for") };
}

function timeMs(text: string, key: string): number {
  const ms = durationMs(text);
  if (Number.isNaN(ms)) throw new ApiProblem("invalid_request", `body.${key}: expected a duration like \`24h\``);
  return ms;
}

async function stored<T extends Issued | Credential | undefined>(change: () => T | Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof CredentialStoreError) throw new ApiProblem("not_stored", error.message);
    throw error;
  }
}

function unknown(id: string): ApiProblem {
  return new ApiProblem("not_found", `no credential has the id \`${id}\``);
}
