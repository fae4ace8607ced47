/** What the gate makes of contexts, with the real `openai` package. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { withContext } from "../../../instrumentation/src/context/context.ts";
import { ConfigInvalid } from "../../../instrumentation/src/errors.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

let provider: ScriptedProvider;
let gated: GatedProcess;

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
  gated = startGatedProcess({ transport: new MemoryLedger(10n ** 9n), env: { TOLLGATE_AGENT: "planner" } });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

const call = () =>
  openaiClient(provider.url).chat.completions.create({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "x" }],
  });
const nest = (depth: number): ReturnType<typeof call> =>
  depth === 0 ? call() : withContext({ agent: `agent-${depth}` }, () => nest(depth - 1));

it("says on the span who started the agent, the first one first", async () => {
  await withContext({ session: "s", workflow: "w" }, () => nest(2));
  expect(gated.spans()[0]?.attributes).toMatchObject({
    "tollgate.agent.name": "agent-1",
    "tollgate.agent.parent": "agent-2",
    "tollgate.label.ancestors": "planner,agent-2",
    "tollgate.session.id": "s",
    "tollgate.workflow.id": "w",
  });
});

it("refuses a call under a chain of agents that does not fit, because not all their budgets could be held", async () => {
  await expect(nest(17)).rejects.toBeInstanceOf(ConfigInvalid);
  expect(provider.requests).toHaveLength(0);
  await expect(nest(16)).resolves.toBeDefined();
});

it("keeps 64 contexts with calls in flight apart", async () => {
  const names = Array.from({ length: 64 }, (_, index) => `agent-${index}`);
  await Promise.all(names.map((agent) => withContext({ agent, session: `of ${agent}` }, call)));
  const seen = gated.spans().map(({ attributes }) => {
    return [attributes["tollgate.agent.name"], attributes["tollgate.session.id"]].join();
  });
  expect(seen.toSorted()).toEqual(names.map((name) => `${name},of ${name}`).toSorted());
});
