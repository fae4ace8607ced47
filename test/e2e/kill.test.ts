/** Real processor, real agents, real SDK: one is killed in the middle of its run, the other goes on; a restart changes nothing. */
import { expect, test } from "vitest";
import type { StopReply } from "../../src/api/kill-schemas.ts";
import { ledgerCount } from "../../src/demo/counts.ts";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const rig = useRig({ governance: "kind: budget\nname: plenty\nlimit: $100.00\nwindow: lifetime\nmode: hard\n" });

const request = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 30 };
const slow = { kind: "chat", request, headers: { "x-simulator-fault": "latency=400" } };

test("a kill stops one agent in the middle of a call, spares the other, and outlives kill -9 of the processor", async () => {
  const { simulator, workspace, providerUrl } = rig();
  const { endpoints } = rig().processor;
  const run = (name: string, calls: number) =>
    runSteps({ name, providerUrl, endpoints, steps: Array.from({ length: calls }, () => slow) });
  // More than it comes to make, however late the kill.
  const killed = run("bad", 200);
  const spared = run("good", 12);
  await waitFor(() => ["bad", "good"].every((name) => (simulator.count().by_key[name]?.calls ?? 0) > 0), {
    what: "calls of both",
    timeoutMs: 60_000,
  });
  const [reply] = (await rig().processor.cli("kill", "bad", "--reason", "runs wild")) as readonly StopReply[];
  expect(reply).toMatchObject({
    durable: true,
    processes: [{ agent: "bad", acknowledged: true }],
    stop: { selector: "agent=bad", author: "people-token" },
  });
  const { results } = await killed;
  expect(results.at(-1)).toMatchObject({
    ok: false,
    name: "AgentKilled",
    code: "agent_killed",
    details: { agent: "bad", reason: "runs wild", author: "people-token" },
  });
  expect((await spared).results.every(({ ok }) => ok)).toBe(true);

  await rig().processor.kill();
  rig().processor = await ProcessorProcess.start({ workspace, at: endpoints });
  const sent = simulator.count().requests;
  const again = await runSteps({
    name: "bad",
    providerUrl,
    endpoints,
    steps: [slow, { kind: "tool", name: "t", args: {} }],
  });
  expect(again.results.map(({ code }) => code)).toEqual(["agent_killed", "agent_killed"]);
  expect(simulator.count().requests).toBe(sent);

  await rig().processor.cli("resume", "bad");
  expect((await runSteps({ name: "bad", providerUrl, endpoints, steps: [slow] })).results).toMatchObject([
    { ok: true },
  ]);
});

test("a stream in flight ends with the kill's own error, and what it had brought is paid for", async () => {
  const { simulator, providerUrl } = rig();
  const { processor } = rig();
  const before = simulator.count().requests;
  const long = { ...request, max_completion_tokens: 400 };
  const streamed = { kind: "streamedChat", request: long, headers: { "x-simulator-fault": "pace=400" } };
  const run = runSteps({ name: "streamer", providerUrl, endpoints: processor.endpoints, steps: [streamed] });
  await waitFor(() => simulator.count().requests > before, { what: "the stream", timeoutMs: 60_000 });
  const [reply] = (await processor.cli("kill", "streamer", "--reason", "enough")) as readonly StopReply[];
  expect(reply?.processes).toMatchObject([{ agent: "streamer", acknowledged: true, aborted_calls: 1 }]);
  expect((await run).results).toMatchObject([{ ok: false, code: "agent_killed" }]);
  await waitFor(
    async () => {
      const { settledNanoUsd, reservedNanoUsd } = await ledgerCount(processor, "plenty");
      return reservedNanoUsd === 0n && settledNanoUsd >= BigInt(simulator.count().nano_usd) ? true : undefined;
    },
    { what: "the aborted stream's cost in the ledger", timeoutMs: 60_000 },
  );
  const incident = await waitFor(
    async () => (await processor.cli("incident", "list", "--agent", "streamer")).flat().at(0),
    { what: "the incident that a kill is", timeoutMs: 60_000 },
  );
  expect(incident).toMatchObject({ agents: ["streamer"], severity: "high", title: expect.stringMatching(/enough$/) });
  await processor.cli("resume", "streamer");
});

test("a pause holds calls until it is lifted, and a session can be killed without its agent", async () => {
  const { providerUrl, processor } = rig();
  await processor.cli("pause", "sleeper", "--reason", "let me look");
  let isDone = false;
  const paused = runSteps({ name: "sleeper", providerUrl, endpoints: processor.endpoints, steps: [slow] }).then(
    (ran) => {
      isDone = true;
      return ran;
    },
  );
  const stops = async () => (await processor.cli("status")) as readonly [{ readonly stops: readonly unknown[] }];
  expect((await stops())[0].stops).toMatchObject([{ act: "pause", selector: "agent=sleeper" }]);
  expect(isDone).toBe(false);
  await processor.cli("resume", "sleeper");
  expect((await paused).results).toMatchObject([{ ok: true }]);

  await processor.cli("kill", "session=s-1", "--reason", "this run only");
  const steps = ["s-1", "s-2"].map((session) => ({ ...slow, context: { session } }));
  const { results } = await runSteps({ name: "runner", providerUrl, endpoints: processor.endpoints, steps });
  expect(results).toMatchObject([{ ok: false, code: "agent_killed" }, { ok: true }]);
});
