import { expect, test } from "vitest";
import { retentionSection } from "../../../src/config/retention.ts";
import { type Retention, retentionStatements, tableRetentions } from "../../../src/storage/retention.ts";

const FOREVER: Retention = { spans: "off", events: "off", spend: "off", byLabel: [] };

function ttlOf(table: string, retention: Retention): string | undefined {
  return tableRetentions(retention).find((candidate) => candidate.table === table)?.ttl;
}

test("without a retention nothing is deleted, and old parts are still compressed harder", () => {
  expect(ttlOf("span_log", FOREVER)).not.toContain("DELETE");
  expect(ttlOf("span_log", FOREVER)).toContain("RECOMPRESS");
  for (const wanted of tableRetentions(FOREVER)) expect(retentionStatements(wanted, "")).toEqual([]);
});

test("no span falls under two rules: the first that matches holds", () => {
  const byLabel = [
    { match: { team: "sandbox" }, spans: 72 },
    { match: { env: "test" }, spans: "off" as const },
  ];
  const ttl = ttlOf("span_log", { ...FOREVER, spans: 720, decisions: 9_600, byLabel });
  expect(ttl?.split(", ").slice(1)).toEqual([
    "toDateTime(received_at) + toIntervalHour(9600) DELETE WHERE (decision != '')",
    "toDateTime(received_at) + toIntervalHour(72) DELETE WHERE (team = 'sandbox') AND NOT (decision != '')",
    "toDateTime(received_at) + toIntervalHour(720) DELETE WHERE NOT (decision != '') AND NOT (team = 'sandbox') AND NOT (labels['env'] = 'test')",
  ]);
});

test("a trace is listed as long as any of its spans may be there", () => {
  expect(ttlOf("trace_log", { ...FOREVER, spans: 24, decisions: 48 })).toContain("toIntervalHour(48)");
  expect(ttlOf("trace_log", { ...FOREVER, spans: 24, decisions: "off" })).toBeUndefined();
});

test("config takes days, hours and off, and refuses the rest with its path", () => {
  expect(retentionSection.parse({ spans: "30d", events: "12h", spend: 0 })).toEqual({
    spans: 720,
    events: 12,
    spend: "off",
    by_label: [],
  });
  for (const spans of ["30", "0d", "1w", "99999d", -1, ""])
    expect(retentionSection.safeParse({ spans }).success).toBe(false);
  expect(retentionSection.safeParse({ by_label: [{ match: {}, spans: "3d" }] }).success).toBe(false);
});
