/**
 * `guard()` around the clients of all three providers, beside what `guard.test.ts` shows of one: Google's client, raw and helper
 * streams, members that make no call, and a guard inside a registered process. The provider keeps its own books.
 */
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AgentKilled, BudgetExceeded, ConfigInvalid } from "../../../instrumentation/src/errors.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import type { Guarded } from "../../../instrumentation/src/guard/guard.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { anthropicClient, openaiClient, startGatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

const TEXT = "[Tollgate] Budget of $1.00 exceeded (spent $1.0000). Request blocked.";
const GEMINI = "gemini-2.5-flash";
const CLAUDE = "claude-haiku-4-5";
const GPT = "gpt-4o-mini";

let simulator: ProviderSimulator;
let url: string;

const paid = (): bigint => BigInt(simulator.count().nano_usd);
const gemini = (httpOptions = {}) => new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl: url, ...httpOptions } });
const message = (content: string) => ({ role: "user" as const, content });

beforeEach(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 20, max: 60 } });
  url = await simulator.start();
});

afterEach(async () => {
  await simulator.stop();
});

/** A client that has spent all it may. */
function spentUp<T extends object>(client: T): ReturnType<typeof guard<T>> {
  const guarded = guard(client, { budget: "$1", onLimit: "stop" });
  guarded.tollgate.record("$1.00");
  return guarded;
}

const KINDS = ["openai", "anthropic", "google"] as const;

interface Asking {
  readonly client: Guarded<object>;
  readonly ask: () => Promise<unknown>;
}

/** One call of each client, through the members that apps use. */
const CALLS: Readonly<Record<(typeof KINDS)[number], (budget: string) => Asking>> = {
  openai: (budget: string) => {
    const client = guard(openaiClient(url), { budget });
    return {
      client,
      ask: () => client.chat.completions.create({ model: GPT, max_tokens: 60, messages: [message("hi")] }),
    };
  },
  anthropic: (budget: string) => {
    const client = guard(anthropicClient(url), { budget });
    return { client, ask: () => client.messages.create({ model: CLAUDE, max_tokens: 60, messages: [message("hi")] }) };
  },
  google: (budget: string) => {
    const client = guard(gemini(), { budget });
    const config = { maxOutputTokens: 60, thinkingConfig: { thinkingBudget: 0 } };
    return { client, ask: () => client.models.generateContent({ model: GEMINI, contents: "hi", config }) };
  },
};
describe.each(KINDS)("a guarded client of %s", (kind) => {
  it("counts to the nano-dollar what the provider billed, and its calls", async () => {
    const { client, ask } = CALLS[kind]("$1");
    await ask();
    await ask();
    expect(client.tollgate.spentNanoUsd).toBe(paid());
    expect(client.tollgate).toMatchObject({ callCount: 2, budgetExceeded: false });
    expect(client.tollgate.remaining).toBeCloseTo(1 - client.tollgate.spent, 9);
  });

  it("never passes its budget, however many calls share it", async () => {
    const { client, ask } = CALLS[kind]("$0.0008");
    const outcomes = await Promise.allSettled(Array.from({ length: 48 }, ask));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => reason instanceof BudgetExceeded)).toBe(true);
    expect(client.tollgate.spentNanoUsd).toBe(paid());
    expect(paid()).toBeLessThanOrEqual(800_000n);
    expect(client.tollgate).toMatchObject({ callCount: 48 - refused.length, budgetExceeded: true });
  });

  it("makes no call after it was killed, and goes on after reset", async () => {
    const { client, ask } = CALLS[kind]("$1");
    client.tollgate.kill("runaway");
    await expect(ask()).rejects.toBeInstanceOf(AgentKilled);
    expect(paid()).toBe(0n);
    client.tollgate.reset();
    await ask();
    expect(client.tollgate).toMatchObject({ callCount: 1, budgetExceeded: false });
  });

  it("charges guard and fleet once each for one call of a registered process", async () => {
    const ledger = new MemoryLedger(10n ** 9n);
    const gated = startGatedProcess({ transport: ledger });
    try {
      const { client, ask } = CALLS[kind]("$1");
      await ask();
      await gated.stop();
      expect(gated.spans()).toHaveLength(1);
      expect(client.tollgate.spentNanoUsd).toBe(paid());
      expect(ledger.settled).toBe(paid());
      expect(ledger.outstanding).toBe(0n);
    } finally {
      await gated.stop();
    }
  });
});

describe("Google's client", () => {
  it("is answered in its own shape when the budget is used up: whole, streamed, in a chat, and as embeddings", async () => {
    const client = spentUp(gemini());
    const answer = await client.models.generateContent({ model: GEMINI, contents: "hi" });
    expect(answer.text).toBe(TEXT);
    expect(answer.constructor.name).toBe("GenerateContentResponse");
    expect(answer.usageMetadata).toMatchObject({ promptTokenCount: 0, totalTokenCount: 0 });
    let streamed = "";
    for await (const chunk of await client.models.generateContentStream({ model: GEMINI, contents: "hi" })) {
      streamed += chunk.text ?? "";
    }
    expect(streamed).toBe(TEXT);
    const chat = client.chats.create({ model: GEMINI });
    expect((await chat.sendMessage({ message: "hi" })).text).toBe(TEXT);
    const embedded = await client.models.embedContent({ model: "gemini-embedding-001", contents: ["hi"] });
    expect(embedded.embeddings).toEqual([]);
    expect(simulator.count().calls).toBe(0);
    expect(client.tollgate).toMatchObject({ callCount: 0, spent: 1, budgetExceeded: true });
  });

  it("is answered although its own retries are on, and refused in the middle of them", async () => {
    const retrying = { retryOptions: { attempts: 3, initialDelay: 0.01 } };
    const answer = await spentUp(gemini(retrying)).models.generateContent({ model: GEMINI, contents: "hi" });
    expect(answer.text).toBe(TEXT);
    const client = guard(gemini(retrying), { budget: "$0.001", onLimit: "stop" });
    const config = {
      maxOutputTokens: 390,
      thinkingConfig: { thinkingBudget: 0 },
      httpOptions: { headers: { "x-simulator-fault": "cut=0" } },
    };
    await expect(client.models.generateContent({ model: GEMINI, contents: "hi", config })).rejects.toThrow(
      /fetch failed|Budget of/i,
    );
    expect(client.tollgate.spentNanoUsd).toBeLessThanOrEqual(1_000_000n);
    expect(client.tollgate.spentNanoUsd).toBeGreaterThanOrEqual(paid());
  });

  it("stays what it was: same object, class and members", () => {
    const bare = gemini();
    const { chats, files, models } = bare;
    const client = guard(bare, { budget: 1 });
    expect(client).toBe(bare);
    expect(client).toBeInstanceOf(GoogleGenAI);
    expect([client.chats, client.files, client.models]).toEqual([chats, files, models]);
    expect(Object.keys(client)).not.toContain("tollgate");
  });
});

describe("streams of a client that has spent its budget", () => {
  it("come as the provider's chunks from create(), and as its raw bytes from asResponse()", async () => {
    const client = spentUp(openaiClient(url));
    const request = { model: GPT, messages: [message("hi")], stream: true as const };
    let text = "";
    const finishes: unknown[] = [];
    for await (const chunk of await client.chat.completions.create(request)) {
      text += chunk.choices[0]?.delta.content ?? "";
      finishes.push(chunk.choices[0]?.finish_reason);
    }
    expect([text, finishes.at(-1)]).toEqual([TEXT, "stop"]);
    const raw = await client.chat.completions.create(request).asResponse();
    expect(raw.headers.get("content-type")).toBe("text/event-stream");
    expect(await raw.text()).toMatch(/^data: \{.*\n\ndata: \{.*\n\ndata: \[DONE\]\n\n$/);
  });

  it("come with zero usage from Anthropic's client", async () => {
    const client = spentUp(anthropicClient(url));
    const request = { model: CLAUDE, max_tokens: 50, messages: [message("hi")], stream: true as const };
    const types: string[] = [];
    for await (const event of await client.messages.create(request)) types.push(event.type);
    expect(types.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(types.at(-1)).toBe("message_stop");
    const final = await client.messages.stream({ ...request, stream: undefined as never }).finalMessage();
    expect(final.usage).toMatchObject({ input_tokens: 0, output_tokens: 0 });
    expect(simulator.count().calls).toBe(0);
  });
});

describe("settings and members", () => {
  it.each(["$0.50", "0.50", " $ 0.50 ", 0.5])("reads a budget of %j", (budget) => {
    expect(guard(gemini(), { budget }).tollgate.budgetNanoUsd).toBe(500_000_000n);
  });

  it.each([0, "0", "$0.00", -1, Number.NaN, "abc", "5abc", "$-5", "1e3", "0.0000000001", null, undefined, {}])(
    "refuses a budget of %j",
    (budget) => {
      expect(() => guard(openaiClient(url), { budget: budget as string })).toThrow(ConfigInvalid);
    },
  );

  it("downgrades at exactly the threshold, whatever the float makes of it", () => {
    for (const [budget, spent] of [
      ["$0.30", "$0.24"],
      ["$0.70", "$0.56"],
      ["$1.10", "$0.88"],
    ] as const) {
      const client = guard(openaiClient(url), { budget, fallback: GPT });
      client.tollgate.record(spent);
      expect(client.tollgate.usageRatio).toBe(0.8);
      expect(client.tollgate.shouldDowngrade).toBe(true);
    }
  });

  it("warns on standard error, with budget and spent, and calls", async () => {
    const lines: string[] = [];
    const write = vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0);
    try {
      const client = guard(openaiClient(url), { budget: "$1", onLimit: "warn" });
      client.tollgate.record(1);
      await client.chat.completions.create({ model: GPT, max_tokens: 20, messages: [message("hi")] });
    } finally {
      write.mockRestore();
    }
    expect(lines).toEqual([
      "[tollgate] warn: budget of $1.00 exceeded ($1.0000 spent): the call is made all the same\n",
    ]);
    expect(simulator.count().calls).toBe(1);
  });

  it("leaves members that make no call their own `this`", () => {
    const bare = openaiClient(url);
    const client = guard(bare, { budget: "$1" });
    expect(client.buildURL("/models", null)).toBe(`${url}/v1/models`);
    for (const member of ["buildURL", "get", "models"] as const) expect(client[member]).toBe(bare[member]);
    expect(Object.getPrototypeOf(client)).toBe(OpenAI.prototype);
    expect(client.withOptions({ maxRetries: 1 })).toBeInstanceOf(OpenAI);
  });

  it("guards a client again with a new budget in place of the old", async () => {
    const client = guard(openaiClient(url), { budget: "$1" });
    client.tollgate.record(1);
    const again = guard(client, { budget: "$2" });
    await again.chat.completions.create({ model: GPT, max_tokens: 20, messages: [message("hi")] });
    expect(again.tollgate).toMatchObject({ budget: 2, callCount: 1 });
  });
});
