/** What the `openai` package asks a model to do by ways that its patch does not know: the wire sees each, and none of them is free. */
import OpenAI, { toFile } from "openai";
import { expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: {} }));

function start(unknownPrice: "deny" | "allow"): OpenAI {
  const ledger = new MemoryLedger(10n ** 12n);
  ledger.unknownPrice = unknownPrice;
  const { url } = wire.provider;
  wire.start({ transport: ledger, env: { TOLLGATE_PROVIDERS: `openai=${url}` } });
  return new OpenAI({ apiKey: "test", baseURL: `${url}/v1`, maxRetries: 0 });
}

const GRADER = { type: "string_check" as const, name: "g", operation: "eq" as const, input: "a", reference: "a" };
const film = async () => toFile(Buffer.from("film"), "film.mp4", { type: "video/mp4" });

const WAYS: readonly (readonly [name: string, work: (client: OpenAI) => Promise<unknown>])[] = [
  ["beta.threads.createAndRun", ({ beta }) => beta.threads.createAndRun({ assistant_id: "asst_1" })],
  ["beta.threads.runs.create", ({ beta }) => beta.threads.runs.create("thread_1", { assistant_id: "asst_1" })],
  [
    "beta.threads.runs.submitToolOutputs",
    ({ beta }) => beta.threads.runs.submitToolOutputs("run_1", { thread_id: "thread_1", tool_outputs: [] }),
  ],
  ["beta.agents.sessions.create", ({ beta }) => beta.agents.sessions.create({} as never)],
  ["evals.runs.create", ({ evals }) => evals.runs.create("eval_1", {} as never)],
  ["fineTuning.jobs.create", ({ fineTuning }) => fineTuning.jobs.create({ model: "gpt-4o-mini", training_file: "f" })],
  ["fineTuning.jobs.resume", ({ fineTuning }) => fineTuning.jobs.resume("ftjob-1")],
  [
    "fineTuning.alpha.graders.run",
    ({ fineTuning }) => fineTuning.alpha.graders.run({ grader: GRADER, model_sample: "a" }),
  ],
  ["containers.create", ({ containers }) => containers.create({ name: "c" })],
  ["live.create", ({ live }) => live.create({ session: { model: "gpt-live-1" } } as never)],
  ["realtime.calls.accept", ({ realtime }) => realtime.calls.accept("rtc_1", { type: "realtime" })],
  ["decisions.create", ({ decisions }) => decisions.create({} as never)],
  ["videos.createCharacter", async ({ videos }) => videos.createCharacter({ name: "n", video: await film() })],
  ["audio.voices.create", async ({ audio }) => audio.voices.create({ name: "n", prompt: "calm" } as never)],
];

it.each(WAYS)("is refused under a hard budget: %s", async (_name, work) => {
  const error = await work(start("deny")).catch((problem: unknown) => problem);
  expect(findTollgateError(error)?.code).toBe("unpriced_model");
  expect(wire.provider.requests).toEqual([]);
});

it.each(WAYS)("goes where the budget allows it, and says that its cost is not known: %s", async (_name, work) => {
  await work(start("allow"));
  expect(wire.provider.requests).toHaveLength(1);
  expect(wire.gated.spans().map(({ attributes }) => attributes)).toMatchObject([
    { "gen_ai.provider.name": "openai", "tollgate.cost.status": "unpriced", "tollgate.cost.known": false },
  ]);
});

it.each([
  ["fineTuning.jobs.create", "fine-tuning"],
  ["containers.create", "container"],
  ["decisions.create", "unknown"],
])("has the name that a document can give it a price by: %s, %s", async (way, model) => {
  const [, work] = WAYS.find(([name]) => name === way) ?? [];
  const error = await work?.(start("deny")).catch((problem: unknown) => problem);
  expect(findTollgateError(error)).toMatchObject({ model });
});

const FREE: typeof WAYS = [
  ["moderations.create", ({ moderations }) => moderations.create({ input: "hi" })],
  ["conversations.create", ({ conversations }) => conversations.create()],
  ["vectorStores.search", ({ vectorStores }) => vectorStores.search("vs_1", { query: "hi" })],
  ["beta.assistants.create", ({ beta }) => beta.assistants.create({ model: "gpt-4o-mini" })],
  ["beta.threads.messages.create", ({ beta }) => beta.threads.messages.create("t", { role: "user", content: "hi" })],
  ["evals.create", ({ evals }) => evals.create({} as never)],
  ["realtime.clientSecrets.create", ({ realtime }) => realtime.clientSecrets.create({})],
  ["files.create", async ({ files }) => files.create({ file: await film(), purpose: "assistants" })],
];

it.each(FREE)("passes without a span: %s", async (_name, work) => {
  await work(start("deny"));
  expect(wire.provider.requests).toHaveLength(1);
  expect(wire.gated.spans()).toEqual([]);
});
