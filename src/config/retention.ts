/** `storage.retention` of tollgate.yaml: how long ClickHouse keeps what. */
import { z } from "zod";

const HOURS = { h: 1, d: 24 } as const;
const DURATION = /^([1-9]\d{0,4})([hd])$/;
const HOURS_MAX = 24 * 3_650;

/** `30d`, `12h`, or `off` to keep for good; read as hours. */
const keepFor = z
  .union([z.literal("off"), z.literal(0), z.string().regex(DURATION, { error: "expected `30d`, `12h` or `off`" })])
  .transform((text, context): number | "off" => {
    if (text === "off" || text === 0) return "off";
    const [, count = "", unit = "h"] = DURATION.exec(text) ?? [];
    const hours = Number(count) * HOURS[unit as keyof typeof HOURS];
    if (hours > HOURS_MAX) context.addIssue({ code: "custom", message: "expected at most 3650d" });
    return hours;
  });

export const retentionSection = z
  .strictObject({
    spans: keepFor
      .prefault("off")
      .describe("Spans and what is listed of traces: `30d`, `12h`, or `off` to keep for good."),
    decisions: keepFor
      .optional()
      .describe("Spans that hold a decision, instead of what `spans` and `by_label` say: what an audit asks for."),
    events: keepFor.prefault("off").describe("Log records."),
    spend: keepFor
      .prefault("off")
      .describe("Sums of spend, decisions and durations by minute and hour; they outlive the spans."),
    by_label: z
      .array(
        z.strictObject({
          match: z
            .record(z.string().min(1).max(128), z.string().max(256))
            .refine((match) => Object.keys(match).length > 0, { error: "expected at least one label" })
            .describe("Labels and their values; all must be equal."),
          spans: keepFor.describe("For the spans that match."),
        }),
      )
      .max(50)
      .default([])
      .describe("Other times for spans by label; the first that matches holds."),
  })
  .prefault({});

export type RetentionConfig = z.output<typeof retentionSection>;
