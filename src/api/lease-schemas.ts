/**
 * The wire shapes of `/v1/leases/*` (instrumentation/src/protocol.ts) as schemas with bounds. Nothing a sender writes is
 * believed before it passed here; unknown keys are ignored, so that a newer instrumentation can talk to this processor.
 */
import type { AcquireRequest, CloseRequest, HelloRequest, SessionsReport } from "@tollgate/instrumentation/protocol";
import { FAILURES_MAX, TOLD_OBSTACLES } from "@tollgate/instrumentation/protocol";
import { KEY_SHAPE, KNOWN_MAX, PAST_LABELS_MAX, PAST_TOOLS_MAX } from "@tollgate/instrumentation/policy";
import { parseNanoUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { type Amounts, MEASURES } from "../budget/amounts.ts";
import { agentName } from "./agent-name.ts";
import { stopRow } from "./kill-schemas.ts";

const LABELS_MAX = 64;
const UNNAMED = "unnamed";
const LABEL_KEY_CHARS_MAX = 128;
const LABEL_VALUE_CHARS_MAX = 512;
const CLOSE_LEASES_MAX = 1_024;
const WAIT_MS_MAX = 60_000;

const id = z.string().regex(/^[0-9a-f]{32}$/, { error: "expected 16 bytes as 32 lower-case hex digits" });

/** A whole number up to Int64, as digits. */
const digits = z.string().refine((text) => parseNanoUsd(text) !== undefined, {
  error: "expected a string of digits up to 9223372036854775807",
});

const kinds = {
  input_tokens: digits.optional(),
  output_tokens: digits.optional(),
  cached_tokens: digits.optional(),
  reasoning_tokens: digits.optional(),
  tool_calls: digits.optional(),
};

/** Beside the kinds; absent from processes of before there was such a thing. */
const unpriced = { unpriced_calls: digits.optional(), unpriced_tokens: digits.optional() };

const amounts = z
  .object({ nano_usd: digits, tokens: digits, calls: digits, ...kinds, ...unpriced })
  .refine(
    (wire) => new Set(Object.keys(kinds).map((key) => wire[key as keyof typeof kinds] === undefined)).size === 1,
    "the kinds of tokens and the tool calls come all together or not at all",
  );

export const labelsSchema = z
  .record(
    z
      .string()
      .min(1)
      .max(LABEL_KEY_CHARS_MAX)
      .regex(/^[^\p{Cc}]*$/u, { error: "a label's name has no control characters" }),
    z.string().max(LABEL_VALUE_CHARS_MAX),
  )
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, { error: `expected at most ${LABELS_MAX} labels` })
  .refine(({ agent = UNNAMED }) => agentName.safeParse(agent).success, {
    path: ["agent"],
    error: "expected an agent's name: at most 200 characters, and no control characters",
  });

const failures = z.int().min(0).max(FAILURES_MAX);

export const helloRequest = z.object({
  process_id: id,
  agent: agentName,
  labels: labelsSchema,
  pid: z.int().min(0),
  version: z.string().max(64),
  unpatched: z.array(z.string().max(200)).max(50).optional(),
  failures: failures.optional(),
}) satisfies z.ZodType<HelloRequest>;

export const acquireRequest = z.object({
  process_id: id,
  lease_id: id,
  seq: z.int().min(0),
  labels: labelsSchema,
  settled: amounts,
  need: amounts,
  target: amounts,
  held: amounts.optional(),
  ahead: amounts,
  wait_ms: z.int().min(0).max(WAIT_MS_MAX),
}) satisfies z.ZodType<AcquireRequest>;

export const closeRequest = z.object({
  process_id: id,
  failures: failures.optional(),
  leases: z.array(z.object({ lease_id: id, settled: amounts })).max(CLOSE_LEASES_MAX),
}) satisfies z.ZodType<CloseRequest>;

/** As many as a process remembers of one session, and reports at once. */
const SESSION_ENTRIES_MAX = 512;
const SESSIONS_MAX = 64;
const entries = z.array(z.string().max(SESSION_ENTRIES_MAX)).max(SESSION_ENTRIES_MAX);
const count = z.int().min(0);

const sessionSeen = z.object({
  session: z.string().min(1).max(LABEL_VALUE_CHARS_MAX),
  labels: entries,
  tools: entries,
  actions: entries,
  systems: entries,
  destinations: entries,
  denied: count,
  calls: count,
  spent_nano_usd: digits,
});

const pastKey = z.string().regex(KEY_SHAPE, { error: "expected 16 characters of base64url" });
const fingerprint = z.string().regex(/^(?:[0-9a-f]{64})?$/, { error: "expected SHA-256 in hex" });

const pastSeen = z.object({
  agent: agentName,
  has_acted: z.boolean(),
  rows: z.number().min(0),
  width: z.number().min(0),
  labels: z.array(z.string().max(LABEL_VALUE_CHARS_MAX)).max(PAST_LABELS_MAX),
  known: z.array(pastKey).max(KNOWN_MAX),
  tools: z
    .record(pastKey, fingerprint)
    .refine((tools) => Object.keys(tools).length <= PAST_TOOLS_MAX, { error: `expected at most ${PAST_TOOLS_MAX}` }),
});

export const sessionsReport = z.object({
  process_id: id,
  sessions: z.array(sessionSeen).max(SESSIONS_MAX),
  pasts: z.array(pastSeen).max(SESSIONS_MAX).optional(),
}) satisfies z.ZodType<SessionsReport>;

export const sessionsReply = z.object({
  sessions: z.array(sessionSeen),
  pasts: z.array(pastSeen).optional().describe("How far the agents went that were named, in all their processes."),
});

export const controlQuery = z.object({ process_id: id });

const budgetReply = z.object({
  name: z.string(),
  measure: z.enum(MEASURES),
  mode: z.enum(["hard", "soft", "observe"]),
  unknown_price: z.enum(["deny", "estimate", "allow"]),
  reserve: z.enum(["strict", "tokenizer"]).optional(),
  limit: z.string(),
  settled: z.string(),
  reserved: z.string(),
  remaining: z.string(),
  actions: z.array(
    z.object({
      do: z.enum(["notify", "downgrade", "require_approval", "stop_gracefully", "pause", "stop", "kill"]),
      at_percent: z.number(),
      fallback: z.record(z.string(), z.string()).optional(),
      max_output_tokens: z.int().optional(),
      reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high"]).optional(),
    }),
  ),
});

export const helloReply = z.object({
  labels: z.record(z.string(), z.string()),
  agent_verified: z.boolean(),
  label_keys: z.array(z.string()),
  measures: z.array(z.enum(MEASURES)),
  policies: z.array(z.unknown()),
  tools: z.array(z.unknown()).optional(),
  label_levels: z.array(z.union([z.string(), z.array(z.string())])).optional(),
  prices: z.array(z.unknown()),
  require_policy: z.boolean(),
  autonomy: z
    .record(z.string(), z.string())
    .describe("Levels of agents that have less than all autonomy now: a process may act for several."),
  egress: z.object({
    unknown: z.enum(["allow", "observe", "deny"]),
    allow: z.array(z.string()).optional(),
    providers: z.record(z.string(), z.string()).optional(),
  }),
  governance_version: z.string(),
  shares_sessions: z.boolean().describe("A policy asks what sessions did: tell it by `/v1/leases/sessions`."),
  past: pastSeen.describe("How far the agent went, in all its processes: what goes beyond it is an expansion."),
  stops: z.object({ epoch: z.string(), revision: z.int(), acts: z.array(stopRow) }),
});

export const acquireReply = z.object({
  lease_id: z.string(),
  seq: z.int(),
  outcome: z.enum(["granted", "unlimited", "exhausted"]),
  granted: amounts,
  ttl_ms: z.int(),
  governance_version: z.string(),
  stops_version: z.string().describe("`epoch:revision` of what is killed and paused: another one asks for a hello."),
  budgets: z.array(budgetReply),
  refused_by: budgetReply.optional(),
  refusal: z
    .object({
      obstacle: z.enum(TOLD_OBSTACLES).optional().describe("Absent: the figures of `refused_by` show it."),
      at_percent: z.number().optional(),
      until: z.string().optional().describe("When it ends by itself at the latest, else when the window ends."),
      held_by: z.int().optional().describe("Other processes that hold some of what is reserved; 100: or more."),
      held_by_silent: z.int().optional().describe("Of these, whose lease has expired."),
    })
    .optional(),
});

/** For amounts that passed the schema. */
export function toAmounts(wire: z.output<typeof amounts>): Amounts {
  const base = { nanoUsd: BigInt(wire.nano_usd), tokens: BigInt(wire.tokens), calls: BigInt(wire.calls) };
  if (wire.input_tokens === undefined) return base;
  const of = (digits: string | undefined): bigint => BigInt(digits ?? "0");
  const kinds = {
    inputTokens: of(wire.input_tokens),
    outputTokens: of(wire.output_tokens),
    cachedTokens: of(wire.cached_tokens),
    reasoningTokens: of(wire.reasoning_tokens),
    toolCalls: of(wire.tool_calls),
    unpricedCalls: of(wire.unpriced_calls),
    unpricedTokens: of(wire.unpriced_tokens),
  };
  return { ...base, kinds };
}

/** For a process that tells no kinds and reads none: never more tokens than of any kind, which is all that it can spend. */
export function withoutKinds({ nanoUsd, tokens, calls, kinds }: Amounts): Amounts {
  if (kinds === undefined) return { nanoUsd, tokens, calls };
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = kinds;
  const least = [inputTokens, outputTokens, cachedTokens, reasoningTokens].reduce((a, b) => (b < a ? b : a), tokens);
  return { nanoUsd, tokens: least, calls };
}
