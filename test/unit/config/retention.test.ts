import { expect, it } from "vitest";
import { retentionSection } from "../../../src/config/retention.ts";

const messagesOf = (config: object): readonly string[] =>
  (retentionSection.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

it.each([
  {},
  { spans: "30d" },
  { spans: "30d", spend: "30d" },
  { spans: "48h", spend: "2d" },
  { spans: "30d", decisions: "400d", spend: "off" },
  { spans: "30d", decisions: "400d", spend: "400d", by_label: [{ match: { team: "a" }, spans: "90d" }] },
])("takes sums that are kept as long as the spans they are made of: %j", (config) => {
  expect(messagesOf(config)).toEqual([]);
});

it.each([
  [{ spend: "400d" }, "spans"],
  [{ spans: "30d", spend: "29d" }, "spans"],
  [{ spans: "30d", decisions: "400d", spend: "30d" }, "decisions"],
  [{ spans: "30d", decisions: "off", spend: "30d" }, "decisions"],
  [{ spans: "30d", spend: "60d", by_label: [{ match: { team: "a" }, spans: "90d" }] }, "by_label[0].spans"],
])("refuses sums that would go before their spans, of which nobody could add them up again: %j", (config, key) => {
  expect(messagesOf(config)).toEqual([
    `spend: sums outlive the spans: expected at least as long as \`storage.retention.${key}\``,
  ]);
});
