/**
 * `/v1/governance`: the documents in force, and others put in their place as a whole. A set is checked first and taken or refused as
 * one; who sent it, and what changes by it, is on record before it holds.
 */
import { z } from "zod";
import type { DocumentChange } from "../config/governance/document-changes.ts";
import type { WrittenDocument } from "../config/governance/governance.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import { unknownEgress } from "../policy/agent-document.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

/** Governance, as the API needs it. */
export interface GovernanceDesk {
  state(): GovernanceState;
  put(wanted: WantedGovernance): Promise<PutOutcome>;
}

export interface GovernanceState {
  readonly version: string;
  /** Who applied what is in force; `undefined`: it comes from the files of `governance.paths`. */
  readonly author: string | undefined;
  readonly appliedAtMs: number;
  readonly refusal: { readonly problems: readonly string[] } | undefined;
  readonly documents: readonly WrittenDocument[];
}

export interface WantedGovernance {
  /** `undefined`: those of the files of `governance.paths`. */
  readonly documents: readonly { readonly file: string; readonly value: unknown }[] | undefined;
  readonly author: string;
  readonly reason: string;
  /** Refused when another version is in force. */
  readonly expectedVersion: string | undefined;
  readonly isDryRun: boolean;
}

export type PutOutcome =
  | {
      readonly outcome: "applied" | "planned" | "unchanged";
      readonly version: string;
      readonly changes: readonly DocumentChange[];
      /** What valid documents ask for and will not happen, and what they let agents do beyond their blast radii. */
      readonly notes: readonly string[];
    }
  | { readonly outcome: "refused"; readonly problems: readonly ConfigProblem[] }
  | { readonly outcome: "stale"; readonly version: string }
  /** The disk, or the ledger, refused; what was in force stays. */
  | { readonly outcome: "failed"; readonly reason: string };

const DOCUMENTS_MAX = 10_000;
/** All documents of a fleet at once. */
const BODY_MAX_BYTES = 4_194_304;

const writtenDocument = z.object({
  kind: z.string(),
  name: z.string(),
  file: z.string().describe("Where it was written."),
  document: z.unknown(),
});

const terms = {
  reason: z.string().max(1_000).default("").describe("Kept with the record of the change."),
  expected_version: z.string().max(64).optional().describe("Refuse with 409 when another version is in force."),
  dry_run: z.boolean().default(false).describe("Only say what would change."),
};

const putReply = z.object({
  outcome: z.enum(["applied", "planned", "unchanged"]),
  version: z.string().describe("In force now; of `planned`: that would be."),
  changes: z.array(
    z.object({
      subject: z.string().describe("Kind and name."),
      change: z.enum(["added", "changed", "removed"]),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
  notes: z
    .array(z.string())
    .describe(
      "What valid documents ask for and will not happen, and what they let agents do beyond their blast radii.",
    ),
});

export type GovernanceReply = z.output<typeof governanceReply>;
export type PutReply = z.output<typeof putReply>;

const governanceReply = z.object({
  version: z.string(),
  source: z.enum(["files", "applied"]).describe("`applied`: sent by somebody, in place of the files."),
  author: z.string().describe("Who applied it; empty for files."),
  applied_at: z.string(),
  require_policy: z.boolean().describe("Whether an agent without a policy is refused its tools."),
  unknown_egress: unknownEgress.describe("What becomes of requests to endpoints that no agent's document lists."),
  refused: z.array(z.string()).describe("Why the files as they are now are not in force; none: they are."),
  documents: z.array(writtenDocument),
});

export function governanceRoutes(
  desk: GovernanceDesk,
  registry: Pick<AgentRegistry, "requirePolicy" | "unknownEgress">,
): readonly AnyRoute[] {
  const problems = ["invalid_request", "governance_changed", "not_stored"] as const;
  return [
    stateRoute(desk, registry),
    route({
      method: "POST",
      url: "/v1/governance",
      summary: "Put a whole set of documents in force, or nothing of it",
      access: "admin",
      bodyMaxBytes: BODY_MAX_BYTES,
      body: z.strictObject({
        documents: z
          .array(
            z.strictObject({ file: z.string().max(4_096).default(""), document: z.record(z.string(), z.unknown()) }),
          )
          .max(DOCUMENTS_MAX),
        ...terms,
      }),
      query: NOTHING,
      params: NOTHING,
      reply: putReply,
      problems,
      handle: async ({ body: { documents, ...rest }, person }) =>
        put(desk, {
          documents: documents.map(({ file, document }) => ({ file, value: document })),
          author: person,
          ...termsOf(rest),
        }),
    }),
    route({
      method: "POST",
      url: "/v1/governance/files",
      summary: "Go back from what was applied to the files of `governance.paths`",
      access: "admin",
      body: z.strictObject(terms),
      query: NOTHING,
      params: NOTHING,
      reply: putReply,
      problems,
      handle: async ({ body, person }) => put(desk, { documents: undefined, author: person, ...termsOf(body) }),
    }),
  ];
}

function stateRoute(desk: GovernanceDesk, registry: Pick<AgentRegistry, "requirePolicy" | "unknownEgress">): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/governance",
    summary: "The documents in force, and where they come from",
    access: "viewer",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: governanceReply,
    problems: [],
    handle: async () => {
      const { version, author, appliedAtMs, refusal, documents } = desk.state();
      return {
        version,
        source: author === undefined ? ("files" as const) : ("applied" as const),
        author: author ?? "",
        applied_at: new Date(appliedAtMs).toISOString(),
        require_policy: registry.requirePolicy,
        unknown_egress: registry.unknownEgress,
        refused: [...(refusal?.problems ?? [])],
        documents: documents.map(({ value, ...rest }) => ({ ...rest, document: value })),
      };
    },
  });
}

function termsOf({
  reason,
  expected_version: expectedVersion,
  dry_run: isDryRun,
}: {
  readonly reason: string;
  readonly expected_version?: string | undefined;
  readonly dry_run: boolean;
}): Pick<WantedGovernance, "reason" | "expectedVersion" | "isDryRun"> {
  return { reason, expectedVersion, isDryRun };
}

async function put(desk: GovernanceDesk, wanted: WantedGovernance): Promise<PutReply> {
  const made = await desk.put(wanted);
  switch (made.outcome) {
    case "refused": {
      const errors = made.problems
        .slice(0, 100)
        .map(({ file, path, message }) => ({ path: `${file} ${path}`, message }));
      throw new ApiProblem("invalid_request", made.problems.slice(0, 20).map(formatProblem).join("; "), errors);
    }
    case "stale":
      throw new ApiProblem("governance_changed", `version ${made.version} is in force`);
    case "failed":
      throw new ApiProblem("not_stored", made.reason);
    default:
      return { ...made, changes: made.changes.map((change) => ({ ...change })), notes: [...made.notes] };
  }
}
