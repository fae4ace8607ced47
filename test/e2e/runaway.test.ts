/** A real SDK agent that calls the same tool with the same arguments again and again is killed; one that does its work is not. */
import { expect, test } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";
import { runSteps, type Step } from "../support/step-agent.ts";

const REPEATS = 8;
const STEPS = 500;

const rig = useRig({
  governance: `
kind: runaway
name: no-loops
scope: { team: shop }
loops: { repeats: ${REPEATS}, do: kill }
`,
});

const chat = (content: string): Step => ({
  kind: "chat",
  request: { model: "gpt-4o-mini", messages: [{ role: "user", content }], max_completion_tokens: 20 },
});
const tool = (id: number): Step => ({ kind: "tool", name: "read_order", args: { id } });

test("an agent in a loop is killed by the rule, in the midst of it, and one that works is not", async () => {
  const { processor, providerUrl } = rig();
  const run = (name: string, steps: readonly Step[]) =>
    runSteps({ name, providerUrl, endpoints: processor.endpoints, labels: { team: "shop" }, env, steps });
  const env = { OTEL_BSP_SCHEDULE_DELAY: "100" };
  const words = (count: number): string => "more ".repeat(count % 50);
  const wild = Array.from({ length: STEPS }, (_, index) => (index % 2 === 0 ? chat("hi") : tool(7)));
  const tame = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? chat(words(index)) : tool(index)));
  const [looping, working] = await Promise.all([run("looping", wild), run("working", tame)]);
  expect(looping.results.at(-1)).toMatchObject({
    ok: false,
    code: "agent_killed",
    details: { author: "runaway no-loops" },
  });
  expect(looping.results.findIndex(({ ok }) => !ok)).toBeGreaterThan(2 * REPEATS - 2);
  expect(working.results.filter(({ ok }) => !ok)).toEqual([]);
  expect((await run("looping", [tool(1)])).results).toMatchObject([{ ok: false, code: "agent_killed" }]);
  const metrics = await waitFor(async () => (await fetch(`${processor.endpoints.api}/metrics`)).text(), {
    what: "metrics",
    timeoutMs: 60_000,
  });
  expect(metrics).toMatch(/tollgate_events_total\{event="runaway_found",level="warn"\} 1\n/);
});
