import { expect, it } from "vitest";
import { markdownOf } from "../../../src/cli/incident-markdown.ts";
import { markdownText } from "../../../src/cli/markdown.ts";

const HOSTILE = "![a](http://evil.example/?q=1) <img src=x> a\\|b | www.evil.example\u202e `c`";

it("makes neither a picture, a link, an element nor a cell of what an agent has named", () => {
  const shown = markdownText(HOSTILE);
  expect(shown.replaceAll(/\\./g, "")).not.toMatch(/[[\]<>|`]|:\/\/|www\./);
  expect(shown).toContain("\\\\u{202e}");
  expect(markdownText("checkout agent 2")).toBe("checkout agent 2");
});

it("writes an incident as a page on which each row keeps its cells, whatever stands in them", () => {
  const row = { at: "2026-11-22T00:00:00Z", what: "note", who: HOSTILE, text: `${HOSTILE}\n# more`, id: "s1" };
  const lines = markdownOf({
    id: "inc_1",
    title: HOSTILE,
    severity: "high",
    state: "open",
    agents: [HOSTILE],
    tags: [],
    opened_at: "2026-11-22T00:00:00Z",
    opened_by: HOSTILE,
    closed_at: null,
    timeline: [row],
    truncated: false,
    storage_ready: true,
  } as unknown as Parameters<typeof markdownOf>[0]);
  const last = lines.at(-1) ?? "";
  expect(last.replaceAll(/\\./g, "").split("|")).toHaveLength(7);
  expect(lines.join("\n").replaceAll(/\\./g, "")).not.toMatch(/!\[|\]\(|<img|:\/\//);
});
