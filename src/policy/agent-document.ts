import { AUTONOMY_LEVELS, parseEndpointPattern } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { TENANT_NAME } from "../support/tenant.ts";
import { documentName, labelText, placePattern } from "./shapes.ts";

const endpointPattern = z.string().refine((text) => parseEndpointPattern(text) !== undefined, {
  error: "expected an endpoint such as `api.example.com`, `https://*.example.com/v1/*` or `GET 10.0.0.5:8080`",
});

/** What becomes of a request that is no known model call and not on the agent's list. */
export const unknownEgress = z.enum(["allow", "observe", "deny"]);

/** `kind: agent`: the registry's word on who an agent is. What it says wins over what a process claims. */
export const agentDocumentSchema = z.strictObject({
  kind: z.literal("agent").describe("What this document is."),
  name: documentName.describe("The agent's name: TOLLGATE_AGENT, or OTEL_SERVICE_NAME."),
  owner: labelText.optional().describe("Who answers for the agent; wins over what a process claims."),
  authors: z
    .array(labelText)
    .optional()
    .describe("Who wrote it: where duties are separate, they may not approve what it asks for."),
  team: labelText.optional().describe("Its team; wins over what a process claims."),
  tenant: z
    .string()
    .regex(TENANT_NAME, { error: "expected 1 to 64 letters, digits, `_`, `.` or `-`" })
    .optional()
    .describe("Whose it is, where several tenants share a fleet; wins over what a process claims."),
  role: labelText.optional().describe("Its role; wins over what a process claims."),
  parent: documentName
    .optional()
    .describe("The agent that it acts for: that one's policies bind it too. Default: the name before its last `/`."),
  autonomy: z
    .enum(AUTONOMY_LEVELS)
    .optional()
    .describe(
      "How much it may do by itself: `observe` nothing but read, `suggest` asks before each act, `supervised` before risky ones, `autonomous` as policies say.",
    ),
  blast_radius: z
    .strictObject({
      systems: z.array(labelText).optional().describe("Systems it may touch."),
      actions: z.array(labelText).optional().describe("What it may do there."),
      environments: z.array(labelText).optional().describe("Where."),
      destinations: z
        .array(placePattern)
        .optional()
        .describe("Where it may send: hosts, mail domains, `#channels`, buckets, with `*`. Model providers are none."),
      max_records: z.int().min(0).optional().describe("Records that one call may be about: read, written or deleted."),
      max_usd_per_day: z.number().min(0).optional().describe("What it may spend in a day; more is reported, not held."),
    })
    .optional()
    .describe("What it may touch at most. What policies would let it do beyond, and what it does beyond, is reported."),
  egress: z
    .strictObject({
      allow: z
        .array(endpointPattern)
        .optional()
        .describe("Endpoints that it may call besides models: `[METHOD ][scheme://]host[:port][/path]`, with `*`."),
      unknown: unknownEgress
        .optional()
        .describe("What becomes of requests to any other; absent: `governance.unknown_egress`."),
      providers: z
        .record(z.string().min(1), z.string().min(1))
        .optional()
        .describe("Model providers under hosts of your own: `llm.corp.example/v1: openai`."),
    })
    .optional()
    .describe("Where its requests may go. Calls of models are held by budgets and policies, not by this list."),
  reviewed: z.iso.date().optional().describe("When somebody last looked at all this: `2026-11-21`."),
  rollback: z.string().min(1).optional().describe("How to undo what it did: a path or a URL."),
});

export type AgentDocument = z.output<typeof agentDocumentSchema>;
