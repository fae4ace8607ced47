/** A real fleet with a budget that kills at half its limit: its own agents stop, by themselves, and stay stopped; others go on. */
import { expect, test } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: wild
scope: { team: wild }
limit: $0.01
window: lifetime
mode: hard
thresholds:
  - { at: 25%, do: notify }
  - { at: 50%, do: kill }
`,
});

const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };
const chat = { kind: "chat", request };

test("a kill threshold stops the budget's agents before its limit, once, and spares the others", async () => {
  const { processor, providerUrl } = rig();
  const run = (name: string, team: string, calls: number) =>
    runSteps({
      name,
      providerUrl,
      endpoints: processor.endpoints,
      labels: { team },
      steps: Array.from({ length: calls }, () => chat),
    });
  const [wild, tame] = await Promise.all([run("one", "wild", 40), run("two", "tame", 3)]);
  expect(wild.results.at(-1)).toMatchObject({ ok: false, code: "agent_killed", details: { author: "budget wild" } });
  expect(tame.results.every(({ ok }) => ok)).toBe(true);
  const [status] = (await processor.cli("status").catch(() => [])) as readonly { readonly stops: readonly object[] }[];
  expect(status?.stops ?? []).toMatchObject([{ act: "kill", selector: "team=wild" }]);
  const metrics = await waitFor(async () => (await fetch(`${processor.endpoints.api}/metrics`)).text(), {
    what: "metrics",
    timeoutMs: 10_000,
  });
  expect(metrics).toMatch(/tollgate_events_total\{event="budget_threshold_crossed",level="warn"\} 2/);
  expect((await run("three", "wild", 1)).results).toMatchObject([{ ok: false, code: "agent_killed" }]);
});
