/** What `@anthropic-ai/sdk` asks a model to do by ways that its patch does not know: the wire sees each, and none of them is free. */
import Anthropic from "@anthropic-ai/sdk";
import { expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: {} }));

function start(unknownPrice: "deny" | "allow"): Anthropic {
  const ledger = new MemoryLedger(10n ** 12n);
  ledger.unknownPrice = unknownPrice;
  const { url } = wire.provider;
  wire.start({ transport: ledger, env: { TOLLGATE_PROVIDERS: `anthropic=${url}` } });
  return new Anthropic({ apiKey: "test", baseURL: url, maxRetries: 0 });
}

const WAYS: readonly (readonly [name: string, work: (client: Anthropic) => Promise<unknown>])[] = [
  ["beta.sessions.create", ({ beta }) => beta.sessions.create({} as never)],
  ["beta.sessions.events.send", ({ beta }) => beta.sessions.events.send("sesn_1", { events: [] })],
  ["beta.deployments.create", ({ beta }) => beta.deployments.create({} as never)],
  ["beta.deployments.run", ({ beta }) => beta.deployments.run("depl_1")],
  ["beta.dreams.create", ({ beta }) => beta.dreams.create({} as never)],
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
    { "gen_ai.provider.name": "anthropic", "tollgate.cost.status": "unpriced", "tollgate.cost.known": false },
  ]);
});

it("charges a legacy completion as the most that its model can cost", async () => {
  const body = { model: "claude-haiku-4-5", prompt: "hi", max_tokens_to_sample: 5 };
  await start("deny").post("/v1/complete", { body });
  await wire.gated.stop();
  const [span] = wire.gated.spans();
  expect(span?.attributes["tollgate.cost.status"]).toBe("estimated");
  expect(span?.attributes["tollgate.cost.nano_usd"]).toBe(span?.attributes["tollgate.reserved.nano_usd"]);
});
