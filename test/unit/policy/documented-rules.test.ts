/** The rules that docs/policies.md shows say what it says of them: each is cut out of the page, and decides. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compilePolicy, decide, parsePolicy, type PolicyRequest } from "@tollgate/instrumentation/policy";
import { expect, it } from "vitest";
import { parse } from "yaml";

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/policies.md"), "utf8");

function shown(name: string): object {
  const [, rule = ""] = new RegExp(`- (\\{ name: ${name},[^\\n]+\\})`).exec(PAGE) ?? [];
  return parse(rule) as object;
}

const request = (tool: string, more: Partial<PolicyRequest> = {}): PolicyRequest => ({ tool: { name: tool }, ...more });
const deletes = { name: "x", actions: ["delete"] };

it.each<[string, PolicyRequest, string]>([
  ["no-exfiltration", request("send_mail", { session: { label: "confidential" } }), "forbid"],
  ["no-exfiltration", request("send_mail", { session: { label: "internal" } }), "allow"],
  ["three-denials", request("x", { session: { denied: 3 } }), "forbid"],
  ["three-denials", request("x", { session: { denied: 2 } }), "allow"],
  ["dry-run-first", { tool: deletes, args: { id: 1 } }, "deny"],
  ["dry-run-first", { tool: deletes, args: { id: 1, dry_run: true } }, "allow"],
  ["dry-run-first", { tool: deletes, args: { id: 1 }, session: { isRehearsed: true } }, "allow"],
  ["new-places", request("send_mail", { expansion: ["destination"] }), "require_approval"],
  ["new-places", request("send_mail", { expansion: ["system"] }), "allow"],
  ["no-wider", request("db_read", { expansion: ["rows"] }), "deny"],
  ["no-wider", request("db_read", { expansion: ["query"] }), "deny"],
  ["no-wider", request("db_read", { expansion: ["label"] }), "deny"],
  ["no-wider", request("db_read"), "allow"],
])("%s: %j is %s", (what, asked, decision) => {
  const parsed = parsePolicy({ kind: "policy", name: "p", default: "allow", rules: [shown(what)] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(decide([compilePolicy(parsed.policy)], asked).decision).toBe(decision);
});
