/** `storage.retention` of tollgate.yaml: how long ClickHouse keeps what. */
import { z } from "zod";

const HOURS = { h: 1, d: 24 } as const;
const DURATION = /^([1-9]\d{0,4})([hd])$/;
const HOURS_MAX = 24 * 3_650;

const EXPECTED = { error: "expected `30d`, `12h` or `off`" };

/** `30d`, `12h`, or `off` to keep for good; read as hours. */
const keepFor = z
  .union([z.literal("off"), z.literal(0), z.string().regex(DURATION, EXPECTED)], EXPECTED)
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
      .describe(
        "Sums of spend, decisions and durations by minute and hour; no shorter than any of the spans; shorter than a budget's window is a warning.",
      ),
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
  .superRefine((retention, context) => {
    const key = keptLonger(retention);
    if (key === undefined) return;
    const message = `sums outlive the spans: expected at least as long as \`storage.retention.${key}\``;
    context.addIssue({ code: "custom", path: ["spend"], message });
  })
  .prefault({});

interface KeptFor {
  readonly spans: number | "off";
  readonly decisions?: number | "off" | undefined;
  readonly spend: number | "off";
  readonly by_label: readonly { readonly spans: number | "off" }[];
}

/** The first kind of spans that would be there when their sums have gone: budgets and panels read the sums only. */
function keptLonger({ spans, decisions, spend, by_label: byLabel }: KeptFor): string | undefined {
  if (spend === "off") return undefined;
  const kinds: readonly (readonly [string, number | "off" | undefined])[] = [
    ["spans", spans],
    ["decisions", decisions],
    ...byLabel.map((rule, index) => [`by_label[${index}].spans`, rule.spans] as const),
  ];
  return kinds.find(([, hours]) => hours === "off" || (hours ?? 0) > spend)?.[0];
}

export type RetentionConfig = z.output<typeof retentionSection>;
