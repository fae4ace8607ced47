import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unenforced } from "../../../src/config/governance/unenforced.ts";
import { ConfigInvalid, formatProblem } from "../../../src/config/problem.ts";
import { loadSetup } from "../../../src/service/setup.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-governance-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

function load(files: Readonly<Record<string, string>>) {
  write({ "tollgate.yaml": "governance: { paths: [./governance] }\n", ...files });
  return loadSetup({ file: join(directory, "tollgate.yaml"), dataDir: join(directory, "data"), environment: {} });
}

function problemsOf(files: Readonly<Record<string, string>>): string[] {
  try {
    load(files);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ""));
  }
  return [];
}

const BUDGET = "kind: budget\nname: fleet\nscope: { team: checkout }\nlimit: $25.00\nwindow: day\n";

describe("what valid documents ask for and this version does not do", () => {
  it("is said, one sentence each", () => {
    const { governance } = load({
      "governance/a.yaml": `${BUDGET}thresholds:
  - { at: 50%, do: require_approval }
  - { at: 80%, do: downgrade, fallback: { gpt-4o: gpt-4o-mini } }
  - { at: 100%, do: stop }
---
kind: policy
name: db
agents: ["*"]
allow: ["db_*"]
rules: [{ name: ask, effect: require_approval, tools: ["db_write_*"] }]
---
kind: alert
name: page
`,
    });
    expect(unenforced(governance)).toEqual(["alert `page`: it has no `metric`, so it never fires"]);
  });

  it("is nothing where all of it is done", () => {
    expect(unenforced(load({ "governance/a.yaml": BUDGET }).governance)).toEqual([]);
  });
});

describe("governance documents", () => {
  it("are read from all YAML files below the paths, several to a file", () => {
    const { governance } = load({
      "governance/budgets/fleet.yaml": `${BUDGET}---\nkind: budget\nname: calls\nlimit: 500 calls\nwindow: hour\n`,
      "governance/policy.yml": 'kind: policy\nname: db\nagents: ["db-*"]\nallow: ["db_read_*"]\n',
      "governance/agents.yaml": "kind: agent\nname: shop\nteam: checkout\nautonomy: supervised\n",
      "governance/prices.yaml":
        'kind: prices\nname: house\nmodels:\n  our-llm: { provider: openai, input: "3.00", output: "15.00" }\n',
      "governance/rest.yaml": "kind: tool\nname: send_mail\nlabels: [external]\n---\nkind: alert\nname: page\n",
      "governance/notes.txt": "not read",
      "governance/.hidden/x.yaml": "nonsense: [",
    });
    expect(governance.budgets.map(({ name, limit, measure }) => [name, limit, measure])).toEqual([
      ["fleet", 25_000_000_000n, "usd"],
      ["calls", 500n, "calls"],
    ]);
    expect(governance.policies.map(({ appliesTo }) => [appliesTo("db-1"), appliesTo("web")])).toEqual([[true, false]]);
    expect([governance.agents[0]?.team, governance.prices[0]?.name]).toEqual(["checkout", "house"]);
    expect([governance.tools.length, governance.alerts.length]).toEqual([1, 1]);
  });

  it("report every problem of every file at once, with file, line and path", () => {
    const found = problemsOf({
      "governance/a.yaml": "kind: budget\nname: fleet\nlimit: 5abc\nwindow: day\n",
      "governance/b.yaml": "kind: policy\nname: p\nallow: 1\ncolour: red\n",
      "governance/c.yaml":
        'kind: prices\nname: house\nmodels:\n  gpt-4.1:\n    provider: openai\n    input: "1"\n    output: -2\n',
      "governance/d.yaml": "kind: budgets\n---\nname: nameless\n",
      "governance/e.yaml": "kind: agent\nname: shop\nautonomy: total\nteem: x\n",
    });
    expect(found).toEqual([
      expect.stringMatching(/^governance\/a\.yaml:3:1: limit: .*5abc/),
      expect.stringMatching(/^governance\/b\.yaml:4:1: colour: is not a known key/),
      expect.stringMatching(/^governance\/b\.yaml:3:1: allow: must be a list/),
      expect.stringMatching(/^governance\/c\.yaml:7:5: models\["gpt-4\.1"\]\.output: /),
      "governance/d.yaml:1:1: kind: `budgets` is not a kind of document; expected one of budget, policy, agent, prices, tool, labels, alert, runaway",
      "governance/d.yaml:3:1: kind: expected one of budget, policy, agent, prices, tool, labels, alert, runaway",
      expect.stringMatching(/^governance\/e\.yaml:3:1: autonomy: expected one of/),
      "governance/e.yaml:4:1: teem: unknown key `teem` (known: kind, name, owner, authors, team, tenant, role, parent, autonomy, blast_radius, egress, reviewed, rollback)",
    ]);
  });

  it.each(["NaN", "Infinity", "-5", "$-1.00", "5abc", "0", "$0.0000000001", ".inf", ".nan"])(
    "refuse %s as a limit",
    (limit) => {
      expect(problemsOf({ "governance/a.yaml": BUDGET.replace("$25.00", limit) })).toEqual([
        expect.stringMatching(/^governance\/a\.yaml:4:1: limit: /),
      ]);
    },
  );

  it("refuse two documents of one kind with the same name, and say where the first is", () => {
    expect(problemsOf({ "governance/a.yaml": BUDGET, "governance/b.yaml": `\n${BUDGET}` })).toEqual([
      expect.stringMatching(
        /^governance\/b\.yaml:3:1: name: another budget is named `fleet`: .*governance\/a\.yaml:2$/,
      ),
    ]);
  });

  it("say that a name is taken also of a document that is wrong otherwise", () => {
    expect(problemsOf({ "governance/a.yaml": BUDGET, "governance/b.yaml": `${BUDGET}typo: 1\n` })).toEqual([
      expect.stringMatching(/^governance\/b\.yaml:\d+:1: typo: unknown key/),
      expect.stringMatching(/^governance\/b\.yaml:2:1: name: another budget is named `fleet`/),
    ]);
  });

  it("refuse agents whose parents lead back to them, or go on without end", () => {
    const agent = (name: string, parent?: string): string =>
      `kind: agent\nname: ${name}\n${parent === undefined ? "" : `parent: ${parent}\n`}`;
    const circle = [agent("a", "b/c"), agent("b", "a"), agent("d", "a"), agent("self", "self"), agent("e", "nobody")];
    expect(problemsOf({ "governance/a.yaml": circle.join("---\n") })).toEqual([
      "governance/a.yaml:3:1: parent: the parents lead back to it: a → b/c → b → a",
      "governance/a.yaml:7:1: parent: the parents lead back to it: b → a → b/c → b",
      "governance/a.yaml:15:1: parent: the parents lead back to it: self → self",
    ]);
    const line = Array.from({ length: 130 }, (_, index) => agent(`a${index}`, `a${index + 1}`));
    expect(problemsOf({ "governance/a.yaml": line.join("---\n") })).toEqual([
      "governance/a.yaml:3:1: parent: more than 128 agents are above it",
      "governance/a.yaml:7:1: parent: more than 128 agents are above it",
    ]);
  });

  it("may be absent where nobody said they are there, and must be there where somebody did", () => {
    write({ "none.yaml": "{}\n" });
    const setup = loadSetup({ file: join(directory, "none.yaml"), dataDir: undefined, environment: {} });
    expect(setup.governance.budgets).toEqual([]);
    expect(problemsOf({})).toEqual(["tollgate.yaml:1:23: governance.paths[0]: no such file or directory"]);
  });

  it("report their problems together with those of listening beyond loopback", () => {
    expect(
      problemsOf({
        "tollgate.yaml": "governance: { paths: [./governance] }\napi:\n  endpoint: 0.0.0.0:4320\n",
        "governance/a.yaml": "kind: budget\n",
      }).map((line) => line.slice(0, 40)),
    ).toContainEqual(expect.stringContaining("tollgate.yaml:3:3: api.endpoint: `0.0"));
  });
});

describe("listening beyond loopback", () => {
  const open = "receivers: { otlp: { protocols: { http: { endpoint: 0.0.0.0:4318 } } } }\n";

  it("is refused without auth, naming the setting to add", () => {
    const found = problemsOf({ "tollgate.yaml": open });
    expect(found).toEqual([
      expect.stringMatching(
        /^tollgate\.yaml:1:43: receivers\.otlp\.protocols\.http\.endpoint: `0\.0\.0\.0:4318` .*`auth`/,
      ),
    ]);
  });

  it("wants a password for the engine's readers besides", () => {
    const auth = 'auth: { agents: [{ agents: [shop], key: "0123456789abcdef" }] }\n';
    const engine = "storage: { embedded: { endpoint: 0.0.0.0:8123 } }\n";
    expect(problemsOf({ "tollgate.yaml": auth + engine })).toEqual([
      expect.stringContaining("`storage.embedded.readonly_password`"),
    ]);
    const secured = engine.replace("8123", "8123, readonly_password: secret");
    expect(problemsOf({ "tollgate.yaml": auth + secured })).toEqual([]);
  });

  it("is fine with auth", () => {
    write({ "tollgate.yaml": `${open}auth: { agents: [{ agents: [shop], key: "0123456789abcdef" }] }\n` });
    const setup = loadSetup({ file: join(directory, "tollgate.yaml"), dataDir: undefined, environment: {} });
    expect(setup.config.auth?.agents[0]?.agents).toEqual(["shop"]);
  });
});
