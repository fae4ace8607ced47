/** `policy lint`, `policy test` and `policy template` over real files: what they print, and what their exit code says. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { POLICY_TEMPLATES } from "@tollgate/instrumentation/policy";
import { policyCommand } from "../../../src/cli/policy.ts";
import { ConfigInvalid } from "../../../src/config/problem.ts";

let folder: string;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-policy-cli-"));
  lines = [];
  process.exitCode = 0;
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  process.exitCode = 0;
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function run(...args: readonly string[]): Promise<number> {
  const output = { isColour: false, line: (text: string) => void lines.push(text) };
  await policyCommand(output).exitOverride().parseAsync(args, { from: "user" });
  return Number(process.exitCode);
}

interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

async function lint(...args: readonly string[]): Promise<readonly Finding[]> {
  await run("lint", "--json", ...args);
  return (JSON.parse(lines.splice(0).join("\n")) as { readonly findings: readonly Finding[] }).findings;
}

describe("policy lint", () => {
  it("has nothing to say of a policy that is in order", async () => {
    const path = file("p.yaml", "kind: policy\nname: p\ndefault: deny\nallow: [read_*]\ndeny: [drop_*]\n");
    expect(await run("lint", path)).toBe(0);
    expect(lines.at(-1)).toBe("1 policy, 0 findings");
  });

  it.each([
    ["allows_everything", "allow[0]", 'default: deny\nallow: ["*"]'],
    ["allows_everything", "allow[0]", "default: deny\nallow: ['{?*,read_*}']"],
    ["allows_everything", "rules[0].tools[0]", "default: deny\nrules: [{ name: r, effect: allow, tools: ['**'] }]"],
    ["missing_default", "", "allow: [a]"],
    ["unreachable", "allow[0]", "default: deny\nallow: [db_drop_x]\ndeny: [db_*]"],
    ["unreachable", "require_approval[0]", 'default: deny\nrequire_approval: ["db_{read,write}_*"]\nforbid: ["db_*"]'],
    [
      "unreachable",
      "rules[0]",
      "default: deny\ndeny: ['*']\nrules: [{ name: r, effect: allow, tools: [x], when: 'true == has(args.a)' }]",
    ],
    ["shadowed", "deny[1]", "default: allow\ndeny: ['*_drop', 'db_drop']"],
    [
      "never_met",
      "rules[0].when",
      'default: deny\nrules: [{ name: r, effect: deny, when: \'environment == "a" && environment == "b"\' }]',
    ],
    ["never_met", "rules[0].when", "default: deny\nrules: [{ name: r, effect: deny, when: 'session.denied < 0' }]"],
    [
      "never_met",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: deny, when: '\"reed\" in tool.actions' }]",
    ],
    [
      "never_met",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: deny, when: 'session.label > label(\"restricted\")' }]",
    ],
    [
      "never_met",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: deny, when: 'args.n > 5 && args.n < 3' }]",
    ],
    [
      "never_met",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: deny, when: 'agent.autonomy == \"auto\"' }]",
    ],
    ["never_met", "rules[0].tools", "default: deny\nrules: [{ name: r, effect: deny, tools: [] }]"],
    ["always_met", "rules[0].when", "default: deny\nrules: [{ name: r, effect: deny, tools: [x], when: '1 < 2' }]"],
    ["always_fails", "rules[0].when", "default: deny\nrules: [{ name: r, effect: deny, when: 'int(\"x\") > 3' }]"],
    [
      "fails_without",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: require_approval, when: 'args.amount > 100.0' }]",
    ],
    [
      "one_of_destinations",
      "rules[0].when",
      "default: deny\nrules: [{ name: r, effect: allow, tools: [x], when: 'size(destinations) > 0 && destinations[0] == \"a\"' }]",
    ],
    ["invalid", "rules[0].when", "default: deny\nrules: [{ name: r, effect: deny, when: 'tool.nam == 1' }]"],
    ["invalid", "allow", "default: deny\nallow: read_*"],
    ["invalid", "alow", "default: deny\nalow: [x]"],
  ])("finds %s at `%s`", async (rule, path, text) => {
    const findings = await lint(file("p.yaml", `kind: policy\nname: p\n${text}\n`));
    expect(findings).toContainEqual(expect.objectContaining({ rule, path, line: expect.any(Number) }));
    expect(process.exitCode).toBe(1);
  });

  it.each([
    ["require_approval", "has(args.amount) && args.amount > 100.0", []],
    ["deny", "args.amount > 100.0", []],
    // What may fail is not always met.
    ["deny", "!(args.a == 1.0 && args.a == 2.0)", []],
    ["deny", "session.denied >= 0 || args.a == 1.0", ["says nothing: it is met by every call"]],
    [
      "deny",
      "args.n > 5 && args.n < 3",
      ["is never met: `args.n` can't be both; where it can't be evaluated, it denies"],
    ],
    [
      "allow",
      "args.n > 5 && args.n < 3",
      ["is never met: `args.n` can't be both; where it can't be evaluated, it denies"],
    ],
    ["deny", "session.calls > 5 && session.calls < 3", ["is never met: `session.calls` can't be both"]],
    [
      "allow",
      'duration("x") > duration("1s")',
      [expect.stringMatching(/^can never be evaluated .* denies every call that it names$/)],
    ],
  ])("tells what is not met from what fails: %s when %s", async (effect, when, messages) => {
    const rules = JSON.stringify([{ name: "r", effect, tools: ["x"], when }]);
    const findings = await lint(file("p.yaml", `kind: policy\nname: p\ndefault: deny\nrules: ${rules}\n`));
    expect(findings.map(({ message }) => message)).toEqual(messages);
  });

  it.each([
    ["allow: [read_*, write_x]", 1],
    ["require_approval: ['*_x']", 1],
    ["default: allow", 1],
    ["allow: [read_*]", 0],
    ["deny: ['*_x']", 0],
  ])(
    "says that a rule which is to allow denies without its argument, where %s would let the call by",
    async (others, findings) => {
      const rule = { name: "r", effect: "allow", tools: ["write_x"], when: "args.n < 3" };
      const document = `kind: policy\nname: p\n${others.startsWith("default") ? "" : "default: deny\n"}${others}\n`;
      const asked = { ...rule, when: "has(args.n) && args.n < 3" };
      const of = async ({ when }: { readonly when: string }) =>
        (await lint(file("p.yaml", `${document}rules: ${JSON.stringify([{ ...rule, when }])}\n`)))
          .filter((finding) => finding.rule === "fails_without")
          .map(({ path, message }) => [path, message]);
      const message = "denies, whatever else lets it by, where a call has no `args.n`: begin with `has(args.n) &&`";
      expect(await of(rule)).toEqual(findings === 1 ? [["rules[0].when", message]] : []);
      expect(await of(asked)).toEqual([]);
    },
  );

  it("knows the place of a type error in the file and in the condition", async () => {
    const text =
      "kind: policy\nname: p\ndefault: deny\nrules:\n  - name: r\n    effect: deny\n    when: 1 + tool.name == 2\n";
    const [finding] = await lint(file("p.yaml", text));
    expect(finding).toMatchObject({ rule: "invalid", line: 7, column: 5 });
    expect(finding?.message).toMatch(/no such overload: int \+ string \(at 1:1\)/);
  });

  it("says that a name is taken also of a policy that is wrong otherwise", async () => {
    const one = "kind: policy\nname: p\ndefault: deny\n";
    const findings = await lint(file("p.yaml", `${one}---\n${one}alow: [x]\n`));
    expect(findings.map(({ path, line }) => [path, line])).toEqual([
      ["alow", 8],
      ["name", 6],
    ]);
  });

  it("says of a document whose kind is spelt wrong that it is none, and nothing of other kinds", async () => {
    const alert = "kind: alert\nname: a\n---\n";
    const findings = await lint(file("p.yaml", `${alert}kind: polcy\nname: p\nallow: ["*"]\n`));
    expect(findings).toMatchObject([{ rule: "invalid", path: "kind", line: 4 }]);
    expect(findings[0]?.message).toMatch(/^`polcy` is not a kind of document/);
  });

  it("names patterns that match no known tool, where tools are declared", async () => {
    file("tools.yaml", "kind: tool\nname: db_read\n---\nkind: tool\nname: db_drop\n");
    file("p.yaml", "kind: policy\nname: p\ndefault: deny\nallow: [db_read, db_raed]\ndeny: [db_drop*]\n");
    const findings = await lint(folder);
    expect(findings.map(({ rule, path }) => [rule, path])).toEqual([["unknown_tool", "allow[1]"]]);
  });

  it("ends with a problem of usage for a file that is not there", async () => {
    await expect(run("lint", join(folder, "nope.yaml"))).rejects.toBeInstanceOf(ConfigInvalid);
  });

  it.each(POLICY_TEMPLATES)("finds no rule of the template `%s` that never decides", async (template) => {
    await run("template", template);
    const findings = await lint(file("p.yaml", lines.splice(0).join("\n")));
    expect(findings.filter(({ rule }) => rule !== "shadowed")).toEqual([]);
  });
});

describe("policy test", () => {
  const POLICY =
    "kind: policy\nname: p\ndefault: deny\nallow: [read_*]\n---\nkind: tool\nname: read_x\nlabels: [restricted]\n";

  it("passes and fails by the file beside the policy, and says which case and why", async () => {
    const path = file("p.yaml", POLICY);
    file(
      "p.test.yaml",
      "cases:\n  - { tool: read_x, decision: allow }\n  - { name: writes, tool: write_x, decision: allow }\n",
    );
    expect(await run("test", path)).toBe(1);
    expect(lines[0]).toMatch(/p\.test\.yaml:3: writes: wanted allow; it is deny by `default`: no rule of policy/);
    expect(lines[1]).toBe("1 passed, 1 failed");
  });

  it("fails a case that no policy is for: it would pass whatever the policy says", async () => {
    const path = file("p.yaml", "kind: policy\nname: p\nagents: [db-*]\ndeny: [drop_x]\ndefault: deny\n");
    file(
      "p.test.yaml",
      [
        "cases:",
        "  - { tool: drop_x, decision: allow }",
        "  - { tool: drop_x, agent: { name: db-1 }, decision: deny }",
        "  - { tool: drop_x, agent: { name: shop }, decision: allow, rule: no policy }",
      ].join("\n"),
    );
    expect(await run("test", path)).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/p\.test\.yaml:2: .*no policy of these files is for this call.*`agent: \{ name: … \}`/),
      "2 passed, 1 failed",
    ]);
  });

  it("judges rule and reason too, and gives JSON", async () => {
    file("p.yaml", POLICY);
    const cases = file(
      "p.test.yaml",
      'cases: [{ tool: read_x, decision: allow, rule: "allow: read_*", reason: matches }]\n',
    );
    expect(await run("test", "--json", cases)).toBe(0);
    expect(JSON.parse(lines.join(""))).toMatchObject({ passed: 1, failed: 0, cases: [{ passed: true, line: 1 }] });
  });

  it("refuses a case that it does not understand, with its place", async () => {
    file("p.yaml", POLICY);
    const cases = file("p.test.yaml", "cases:\n  - { tool: x, decison: allow }\n");
    await expect(run("test", cases)).rejects.toThrow(/p\.test\.yaml:2:\d+: cases\[0\]/);
  });

  const templates = resolve(import.meta.dirname, "../../../instrumentation/templates");
  it.each(readdirSync(templates))("passes the shipped cases of %s", async (name) => {
    const code = await run("test", join(templates, name));
    expect(lines.slice(0, -1)).toEqual([]);
    expect(code).toBe(0);
  });

  it("has cases for every template", () => {
    const tested = readdirSync(templates).map((name) => name.replace(".test.yaml", ""));
    expect(new Set(tested)).toEqual(new Set(POLICY_TEMPLATES));
  });
});
