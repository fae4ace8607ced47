/** What `/v1/kill` takes and answers. */
import { z } from "zod";

export const WAIT_MS_MAX = 30_000;

export const stopRow = z.object({
  id: z.string(),
  act: z.enum(["kill", "pause"]),
  selector: z.string(),
  reason: z.string(),
  author: z.string(),
  at: z.string(),
  source: z.string().optional().describe("Where it was no person: the threshold of a budget."),
  wait_ms: z.int().optional().describe("Of a pause: how long calls wait before they are refused."),
  asks: z.literal("approval").optional().describe("Of a pause: it holds until a person allows more."),
});

const reason = z.string().trim().max(1_000);

export const stopRequest = z
  .object({
    selector: z.string(),
    act: z.enum(["kill", "pause"]).default("kill"),
    reason: reason.default(""),
    wait_ms: z.int().min(0).max(WAIT_MS_MAX).default(2_000),
  })
  .refine(({ act, reason: why }) => act === "pause" || why !== "", {
    path: ["reason"],
    error: "a kill needs a reason",
  });

export const resumeRequest = z
  .object({
    selector: z.string().optional(),
    id: z.string().max(64).optional(),
    wait_ms: z.int().min(0).max(WAIT_MS_MAX).default(2_000),
  })
  .refine(({ selector, id }) => (selector === undefined) !== (id === undefined), {
    error: "expected either `selector` or `id`",
  });

export const stoppedRequest = z.object({
  process_id: z.string().regex(/^[0-9a-f]{32}$/, { error: "expected 16 bytes as 32 lower-case hex digits" }),
  epoch: z.string().max(64),
  revision: z.int().min(0),
  stopped_by: z.string().max(64).optional(),
  aborted_calls: z.int().min(0),
});

const affectedProcess = z.object({
  process_id: z.string(),
  agent: z.string(),
  pid: z.int(),
  acknowledged: z.boolean(),
  connected: z.boolean().describe("False: it is not listening; its money ends with its lease, at `lease_ends_at`."),
  after_ms: z.number().nullable().describe("From the act to the acknowledgement, by the processor's clock."),
  aborted_calls: z.int(),
  lease_ends_at: z
    .string()
    .nullable()
    .describe("For one that did not acknowledge: when the last lease it can hold is over."),
});

export type AffectedProcess = z.output<typeof affectedProcess>;

const stopOutcome = z.object({
  processes: z.array(affectedProcess).describe("Those that the act concerns."),
  listening: z
    .int()
    .describe("Processes that were listening when the act was pushed, whether it concerns them or not."),
  acknowledged: z.int().describe("How many of those have applied it."),
});

export type StopOutcome = z.output<typeof stopOutcome>;

const outcome = stopOutcome.extend({
  processors: z
    .object({ told: z.int(), answered: z.int() })
    .optional()
    .describe("Of a fleet of several processors: how many others were told, and how many of them answered in time."),
});

export const stopReply = outcome.extend({
  stop: stopRow,
  durable: z.boolean().describe("False: the disk refused it, so it is in force until the processor restarts only."),
  everywhere: z
    .boolean()
    .optional()
    .describe(
      "Of a fleet of several processors. False: their store is away, so for now it is in force at this one only.",
    ),
});

export const resumeReply = outcome.extend({ lifted: z.array(stopRow) });

export const stopsReply = z.object({ stops: z.array(stopRow) });

export type StopReply = z.output<typeof stopReply>;
export type ResumeReply = z.output<typeof resumeReply>;
