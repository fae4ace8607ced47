/**
 * Goal: what leaves is what was admitted, whatever an app's own code makes of a request on its way. Method: bodies that tell themselves as
 * JSON, as the package's client takes them; what arrives at the provider is held against what the ledger was asked for.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, chatEvents, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const USAGE = { input: 9, output: 4 };
const REQUEST = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }] };

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

beforeEach(async () => {
  provider = await startScriptedProvider(({ body }) =>
    body["stream"] === true ? { events: chatEvents(["a"], USAGE) } : { json: chatCompletion(USAGE) },
  );
  // Less than the longest answer of the model costs.
  ledger = new MemoryLedger(1_000_000n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

/** As apps build requests: what is sent is not what its members say. */
class Told {
  readonly model = REQUEST.model;
  readonly #body: object;

  constructor(body: object) {
    this.#body = body;
  }

  toJSON(): object {
    return this.#body;
  }
}

describe("a body that tells itself as JSON", () => {
  it("is sent as it tells itself, with the bound that the money covers", async () => {
    await openaiClient(provider.url).post("/chat/completions", { body: new Told(REQUEST) });
    const { max_completion_tokens: bound, ...rest } = provider.requests[0]?.body ?? {};
    expect(rest).toEqual(REQUEST);
    expect(bound).toBeGreaterThan(0);
    expect(bound).toBeLessThan(2_000);
  });

  it("is bounded by what it tells, also where a member of its own does the telling", async () => {
    const body = { ...REQUEST, max_tokens: 1, toJSON: () => ({ ...REQUEST, max_tokens: 16_000 }) };
    await openaiClient(provider.url).post("/chat/completions", { body });
    expect(provider.requests[0]?.body["max_tokens"]).toBeLessThan(2_000);
  });

  it("is asked for its stream's usage, which the app does not see", async () => {
    const body = new Told({ ...REQUEST, max_tokens: 50, stream: true });
    const stream = await openaiClient(provider.url).post("/chat/completions", { body, stream: true });
    const events: object[] = [];
    for await (const event of stream as AsyncIterable<object>) events.push(event);
    expect(provider.requests[0]?.body).toMatchObject({ ...REQUEST, stream_options: { include_usage: true } });
    expect(events.filter((event) => "usage" in event)).toEqual([]);
    await gated.stop();
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("exact");
  });
});
