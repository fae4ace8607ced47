import { expect, it } from "vitest";
import type { TraceReply } from "../../../src/api/traces.ts";
import { errorText, printSpanTree } from "../../../src/cli/span-tree.ts";

type Span = TraceReply["spans"][number];

const CALL: Span = {
  span_id: "b".repeat(16),
  parent_span_id: "",
  name: "chat gpt-4o",
  kind: "client",
  start: "2026-11-21T00:00:00.000000001Z",
  duration_ms: 1.5,
  status: "error",
  status_message: "",
  agent: "shop",
  model: "gpt-4o",
  cost_usd: "0.000000000",
  cost_status: "exact",
  decision: "allow",
  attributes: { "error.type": "429" },
};

function printed(...spans: readonly Span[]): readonly string[] {
  const lines: string[] = [];
  printSpanTree({ isColour: false, line: (text) => lines.push(...text.split("\n")) }, spans);
  return lines.map((line) => line.trimEnd());
}

it("says of what kind an error is, and what its sender says of it, on one line and not at any length", () => {
  const said = { ...CALL, status_message: `slow\u001b[2J\ndown ${"x".repeat(1_000)}` };
  const lines = printed(CALL, said);
  expect(lines[1]).toMatch(/ error 429$/);
  expect(lines).toHaveLength(4);
  expect(lines[3]).toMatch(/^error chat gpt-4o \(b{16}\): slow/);
  expect(lines[3]).not.toContain("\u001b");
  expect(lines[3]?.length).toBeLessThan(400);
});

it("says why a call was refused, once, and nothing of what is well", () => {
  const refused = { decision: "deny", attributes: { "tollgate.decision.reason": "no money" } };
  expect(printed({ ...CALL, ...refused, status_message: "no money" }).slice(2)).toEqual([
    `deny chat gpt-4o (${"b".repeat(16)}): no money`,
  ]);
  const well = { ...CALL, status: "ok", status_message: "fine" };
  expect(printed(well)).toHaveLength(2);
  expect([errorText(well), errorText({ status: "error", attributes: {} })]).toEqual(["", "error"]);
});

it("names the agent, and of an allowed call not the reason but the error", () => {
  const attributes = { "tollgate.decision.reason": "a rule allows it" };
  const lines = printed({ ...CALL, attributes, status_message: "gone" });
  expect(lines[1]).toContain("  shop  ");
  expect(lines.slice(2)).toEqual([`error chat gpt-4o (${"b".repeat(16)}): gone`]);
});
