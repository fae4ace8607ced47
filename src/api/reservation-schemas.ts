/** The wire shapes of `/v1/reservations`. Unknown keys are refused: a label or an amount that is misspelt must not be missing. */
import { parseUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { agentName } from "./agent-name.ts";
import { labelsSchema } from "./lease-schemas.ts";

const TOKENS_MAX = 1_000_000_000;
const TTL_MS_MAX = 86_400_000;
const WAIT_MS_MAX = 60_000;
/** As the gate waits. */
const WAIT_MS_DEFAULT = 2_000;

/** JSON numbers are taken by their decimal text, so that nothing is rounded; exponents and a tenth place are refused. */
const usd = z
  .union([z.string().max(64), z.number()])
  .transform((value, context) => {
    const parsed = parseUsd(String(value));
    if (parsed === undefined) {
      context.addIssue({ code: "custom", message: 'expected USD with at most 9 decimal places, like "0.25"' });
      return z.NEVER;
    }
    return parsed;
  })
  .describe("USD as a decimal string, at most 9 places; a number is read by its decimal text.");

const count = z.int().min(0).max(TOKENS_MAX);
const name = z.string().min(1).max(512);

export const createRequest = z
  .strictObject({
    agent: agentName,
    labels: labelsSchema.default({}).describe("What the agent says of itself: session, user, …; the registry wins."),
    model: name.optional(),
    provider: name.optional().describe("As in `gen_ai.provider.name`. Left out: found by the model's name."),
    estimate_usd: usd.optional().describe("The most that the call can cost."),
    tokens: z
      .strictObject({
        input: count.describe("The most that the call sends."),
        output: count.describe("The bound that the call sets, over all choices."),
        min_output: count.optional().describe("Take less output if no more fits: answered with `max_output_tokens`."),
        cache_writes: z.boolean().default(true).describe("Whether the call may write to the provider's cache."),
      })
      .optional()
      .describe("Priced by its worst case when `estimate_usd` is not there; then `model` is needed."),
    ttl_ms: z.int().min(1).max(TTL_MS_MAX).optional().describe("A wish: `expires_in_ms` says what the ledger gives."),
    wait_ms: z
      .int()
      .min(0)
      .max(WAIT_MS_MAX)
      .default(WAIT_MS_DEFAULT)
      .describe("How long to wait for money that others have reserved and may not need."),
  })
  .superRefine((body, context) => {
    const { estimate_usd: estimate, tokens, model } = body;
    const wrong = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (estimate === undefined && tokens === undefined) wrong("estimate_usd", "needed, or `tokens` with `model`");
    if (estimate === undefined && tokens !== undefined && model === undefined)
      wrong("model", "needed to price `tokens`");
    if (estimate !== undefined && estimate <= 0n) wrong("estimate_usd", "must be above 0");
    if (tokens?.min_output !== undefined && (estimate !== undefined || tokens.min_output > tokens.output)) {
      wrong("tokens", "`min_output` is at most `output`, and goes with tokens that are priced by `model`");
    }
  });

export const createReply = z.object({
  id: z.string().describe("Put it on the call's span as `tollgate.lease.id`, so that the call counts once."),
  decision: z.literal("allow"),
  granted_usd: z.string(),
  max_output_tokens: z.int().optional().describe("Less than asked for was granted: bind the call to this."),
  fallback: z.string().optional().describe("A threshold asks for this model instead."),
  expires_in_ms: z.int(),
  budgets: z.array(z.string()).describe("What the reservation counts into. Empty: no budget applies."),
});

export const commitRequest = z
  .strictObject({
    actual_usd: usd.optional(),
    tokens: count
      .optional()
      .describe("Beside `actual_usd`, for budgets in tokens. Left out: as many as were reserved."),
    usage: z
      .strictObject({
        provider: name.optional(),
        model: name,
        input_tokens: count.describe("All input, cache reads and writes included."),
        output_tokens: count.describe("All output, reasoning included."),
        cache_read_tokens: count.default(0),
        cache_write_tokens: count.default(0),
        cache_write_1h_tokens: count.default(0),
        reasoning_tokens: count.default(0),
      })
      .optional()
      .describe("Instead of `actual_usd`: priced by the price book, house prices first."),
  })
  .superRefine(({ actual_usd: actual, usage, tokens }, context) => {
    if ((actual === undefined) === (usage === undefined)) {
      context.addIssue({ code: "custom", path: ["actual_usd"], message: "either this or `usage` is needed" });
    }
    if (usage !== undefined && tokens !== undefined) {
      context.addIssue({ code: "custom", path: ["tokens"], message: "`usage` has them already" });
    }
  });

export const commitReply = z.object({
  id: z.string(),
  outcome: z
    .enum(["committed", "committed_late", "already_committed", "raised"])
    .describe(
      "`committed_late`: after its expiry, counted all the same. `already_committed`: it was over and knew as much; nothing changed. " +
        "`raised`: it was over and knew less; the difference is counted.",
    ),
  settled_usd: z.string().describe("What the ledger counts for this reservation. Never falls."),
  released_usd: z.string().optional(),
  overrun: z.boolean().optional().describe("More than was reserved: counted in full. Absent when it was over before."),
  price_version: z.string().optional().describe("Which prices `usage` was priced by."),
});

export const releaseRequest = z.strictObject({});

export const releaseReply = z.object({
  id: z.string(),
  outcome: z.enum(["released", "already_ended"]),
  settled_usd: z.string(),
});

export const extendRequest = z.strictObject({ ttl_ms: z.int().min(1).max(TTL_MS_MAX).optional() });

export const extendReply = z.object({ id: z.string(), granted_usd: z.string(), expires_in_ms: z.int() });

export const reservationPath = z.object({ id: z.string().max(64) });

export type CreateRequest = z.output<typeof createRequest>;
export type CreateReply = z.output<typeof createReply>;
export type CommitRequest = z.output<typeof commitRequest>;
export type CommitReply = z.output<typeof commitReply>;
