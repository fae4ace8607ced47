/**
 * What `@google/genai` asks of Google beside `generateContent`: nobody here knows what pictures, films, caches and interactions cost, so
 * they are refused under a hard budget by the model's name, or go as `unpriced` where the budget lets them. Counting is free.
 */
import { GoogleGenAI } from "@google/genai";
import { describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: {} }));

interface Started {
  readonly client: GoogleGenAI;
  readonly vertex: GoogleGenAI;
  readonly ledger: MemoryLedger;
}

function start(unknownPrice: "deny" | "allow"): Started {
  const ledger = new MemoryLedger(10n ** 12n);
  ledger.unknownPrice = unknownPrice;
  const { url } = wire.provider;
  const providers = `gcp.gemini=${url}/v1beta/,gcp.vertex_ai=${url}`;
  wire.start({ transport: ledger, env: { TOLLGATE_PROVIDERS: providers } });
  const httpOptions = { baseUrl: url };
  const authClient = { getRequestHeaders: async () => new Headers({ authorization: "Bearer test" }) } as never;
  const place = { vertexai: true, project: "p", location: "l", googleAuthOptions: { authClient } };
  return {
    client: new GoogleGenAI({ apiKey: "test", httpOptions }),
    vertex: new GoogleGenAI({ ...place, httpOptions }),
    ledger,
  };
}

const BATCH = { inlinedRequests: [{ contents: "hi" }] };

const UNPRICED: readonly (readonly [method: string, model: string, work: (started: Started) => Promise<unknown>])[] = [
  [
    "generateImages",
    "imagen-4.0-generate-001",
    ({ vertex }) => vertex.models.generateImages({ model: "imagen-4.0-generate-001", prompt: "a toll gate" }),
  ],
  [
    "generateVideos",
    "veo-3.0-generate-001",
    ({ vertex }) => vertex.models.generateVideos({ model: "veo-3.0-generate-001", source: { prompt: "a toll gate" } }),
  ],
  [
    "batches",
    "batch",
    ({ client }) => client.batches.create({ model: "gemini-2.5-flash", src: BATCH.inlinedRequests }),
  ],
  [
    "caches",
    "cached content",
    ({ client }) => client.caches.create({ model: "gemini-2.5-flash", config: { contents: "long" } }),
  ],
];

describe("what has no price", () => {
  it.each(UNPRICED)("is refused under a hard budget, by its name: %s", async (_method, model, work) => {
    const started = start("deny");
    const { ledger } = started;
    const error = findTollgateError(await work(started).catch((problem: unknown) => problem));
    expect(error).toMatchObject({ code: "unpriced_model", message: expect.stringContaining(model) });
    await wire.gated.stop();
    expect(wire.provider.requests).toEqual([]);
    expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
  });

  it.each(UNPRICED)("goes, and says so, where the budget allows it: %s", async (_method, model, work) => {
    await work(start("allow"));
    await wire.gated.stop();
    expect(wire.provider.requests).toHaveLength(1);
    expect(wire.gated.spans().map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.request.model": model, "tollgate.cost.status": "unpriced", "tollgate.cost.known": false },
    ]);
  });
});

it("charges an interaction as much as its model can cost", async () => {
  const { client, ledger } = start("deny");
  await client.interactions.create({ model: "gemini-2.5-flash", input: "hi" });
  await wire.gated.stop();
  const [span] = wire.gated.spans();
  expect(span?.attributes).toMatchObject({
    "gen_ai.request.model": "gemini-2.5-flash",
    "tollgate.cost.status": "estimated",
  });
  expect(span?.attributes["tollgate.cost.nano_usd"]).toBe(span?.attributes["tollgate.reserved.nano_usd"]);
  expect(ledger.settled).toBeGreaterThan(65_536n * 2_500n);
});

it("counts tokens for nothing", async () => {
  const { client, ledger } = start("deny");
  ledger.limit = 0n;
  await client.models.countTokens({ model: "gemini-2.5-flash", contents: "hi" });
  expect(wire.provider.requests).toHaveLength(1);
  expect(wire.gated.spans()).toEqual([]);
});
