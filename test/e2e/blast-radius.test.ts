/**
 * Goal: what an agent may do and did beyond what is declared of it is found, whatever of the six things it is, and takes autonomy from
 * it while it runs. Method: a real processor and real gated processes; nothing is asked of the processor that people could not ask.
 */
import { expect, test } from "vitest";
import type { AgentRow } from "../../src/api/agents.ts";
import type { PutReply } from "../../src/api/governance.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";
import { tollgate } from "../support/tollgate-cli.ts";

const GOVERNANCE = `
kind: agent
name: courier
autonomy: autonomous
blast_radius:
  systems: [outbox]
  actions: [send]
  environments: [staging]
  destinations: ["*.corp.example"]
  max_records: 100
  max_usd_per_day: 0.000001
egress: { allow: ["*.corp.example"] }
---
kind: policy
name: couriers
agents: ["courier*"]
allow: ["send", "look"]
---
kind: budget
name: all
limit: $50.00
window: day
---
kind: tool
name: send
systems: [outbox]
actions: [send]
---
kind: tool
name: look
systems: [archive]
actions: [read]
`;
const rig = useRig({ governance: GOVERNANCE });

const BEYOND = "beyond its blast radius";
const MAY = [
  `agent \`courier\`: \`send\` may reach the destination \`any\`, ${BEYOND}`,
  `agent \`courier\`: \`look\` may reach the system \`archive\`, ${BEYOND}`,
  `agent \`courier\`: \`look\` may reach the action \`read\`, ${BEYOND}`,
  `agent \`courier\`: \`send, look\` may reach the environment \`any\`, ${BEYOND}`,
  `agent \`courier\`: \`look\` may be about any number of records at once, ${BEYOND}`,
  `agent \`courier\`: it may reach the destination \`any\`, ${BEYOND}`,
  `agent \`courier\` may spend $50.00 in a day, ${BEYOND}`,
];

test("what documents would let an agent do beyond its declaration is said by apply, plan, status and doctor", async () => {
  const { processor, workspace } = rig();
  const directory = `${workspace.path}/governance`;
  const [applied] = (await processor.cli("apply", directory, "--dry-run")) as readonly [PutReply];
  expect(applied.notes).toEqual(MAY);
  const [planned] = (await processor.cli("plan", directory)) as readonly [{ readonly notes: readonly string[] }];
  expect(planned.notes).toEqual(MAY);
  for (const command of ["status", "doctor"]) {
    const { code, stdout } = await tollgate([command, "--json", "--data-dir", workspace.dataDir]);
    expect([command, code]).toEqual([command, 1]);
    for (const text of [...MAY.slice(0, 5), "and 2 more beyond blast radii"]) expect(stdout).toContain(text);
  }
});

test("what it did beyond it is found in all six, is an alert, and takes autonomy from the agent while it runs", async () => {
  const { processor, providerUrl } = rig();
  const { api } = processor.endpoints;
  const production = { labels: { environment: "production" } };
  const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 30 };
  const running = runSteps({
    name: "courier",
    providerUrl,
    endpoints: processor.endpoints,
    steps: [
      { kind: "tool", name: "send", args: { to: "Eve <eve@evil.example>" }, context: production },
      { kind: "tool", name: "look", args: { limit: 10 }, result: Array.from({ length: 101 }, (_, at) => at) },
      { kind: "fetch", url: `${providerUrl}/elsewhere` },
      { kind: "chat", request },
      { kind: "toolUntilRefused", name: "send", args: { to: "ada@mail.corp.example" } },
    ],
  });
  const did = [
    `agent \`courier\`: \`look\` reaches the system \`archive\`, ${BEYOND}`,
    `agent \`courier\`: \`look\` reaches the action \`read\`, ${BEYOND}`,
    `agent \`courier\`: \`send\` reaches the environment \`production\`, ${BEYOND}`,
    `agent \`courier\`: \`send\` reaches the destination \`evil.example\`, ${BEYOND}`,
    `agent \`courier\`: it reaches the destination \`127.0.0.1\`, ${BEYOND}`,
    `agent \`courier\`: \`look\` was about 101 records at once, ${BEYOND}`,
    expect.stringMatching(/^agent `courier` spent \$0\.\d+ in a day, beyond its blast radius$/) as string,
  ];
  const row = await waitFor(
    async () => {
      const all = (await processor.cli("agents", "--risk")) as readonly AgentRow[];
      const [found] = all.filter(({ name }) => name === "courier");
      // Each of them has its own way to ClickHouse.
      return (found?.beyond.length ?? 0) >= did.length + MAY.length ? found : undefined;
    },
    { what: "all that it did", timeoutMs: 60_000 },
  );
  expect(row.beyond).toEqual(expect.arrayContaining([...did, ...MAY]));
  expect(row).toMatchObject({
    likelihood: "high",
    gaps: expect.arrayContaining(["did more than declared"]) as unknown,
  });

  const { results } = await running;
  expect(results.map(({ ok, code }) => (ok ? "ran" : code))).toEqual(["ran", "ran", "ran", "ran", "approval_pending"]);
  const [incident] = (await processor.cli("incident")) as readonly [{ title: string; agents: readonly string[] }];
  expect(incident).toMatchObject({ agents: ["courier"], title: expect.stringContaining(BEYOND) as string });
  const [now] = (await processor.cli("agents")) as readonly [AgentRow];
  expect([now.autonomy, now.autonomy_now]).toEqual(["autonomous", "supervised"]);
  const metrics = await (await fetch(`${api}/metrics`)).text();
  expect(metrics).toMatch(/tollgate_blast_radius_beyond\{kind="did"\} 7$/m);
  const spans = await sqlRows(
    rig(),
    "SELECT attributes['tollgate.tool.destinations'] AS places FROM tool_decisions WHERE agent = 'courier' AND tool = 'send' AND decision = 'allow' GROUP BY places ORDER BY places",
    2,
  );
  expect(spans).toEqual([{ places: '["evil.example"]' }, { places: '["mail.corp.example"]' }]);
  expect(JSON.stringify(await sqlRows(rig(), "SELECT attributes FROM spans WHERE agent = 'courier'", 4))).not.toContain(
    "eve@",
  );
});
