/**
 * The real `@google/genai` against the provider simulator, which keeps its own books: what is charged equals what the provider
 * billed, or says `estimated` and is not below it; the app sees what the bare SDK gives; nothing stays reserved.
 */
import { join } from "node:path";
import { GoogleGenAI, Models, type GenerateContentConfig, type GenerateContentResponse } from "@google/genai";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AgentKilled, BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { Child } from "../../../src/demo/child-process.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

const MODEL = "gemini-2.5-flash";
const ask = (contents: string, config: GenerateContentConfig = {}) => ({ model: MODEL, contents, config });
const faulty = (fault: string): GenerateContentConfig => ({ httpOptions: { headers: { "x-simulator-fault": fault } } });

let simulator: ProviderSimulator;
let url: string;
let gated: GatedProcess;
let ledger: MemoryLedger;

const clientOf = (httpOptions = {}) =>
  new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl: url, ...httpOptions } });
const paid = (): bigint => BigInt(simulator.count().nano_usd);

/** Runs in a process without the gate, then with it: answers must be the same. */
async function onBoth<T>(work: () => Promise<T>): Promise<readonly [T, T]> {
  await gated.stop();
  const bare = await work();
  const before = paid();
  gated = startGatedProcess({ transport: ledger });
  const through = await work();
  await gated.stop();
  expect(ledger.settled).toBe(paid() - before);
  expect(ledger.outstanding).toBe(0n);
  return [bare, through];
}

async function expectSettled(settled: bigint): Promise<void> {
  await gated.stop();
  expect(ledger.settled).toBe(settled);
  expect(ledger.outstanding).toBe(0n);
}

/** What the app sees of an answer, but for the headers, which have the time in them. */
function asSeen(answer: GenerateContentResponse): unknown {
  return { ...Object.fromEntries(Object.entries(answer)), sdkHttpResponse: undefined, type: answer.constructor.name };
}

async function read(stream: AsyncGenerator<GenerateContentResponse>): Promise<readonly unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(asSeen(chunk));
  return chunks;
}

beforeAll(() => void patchModels(Models.prototype));

beforeEach(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 40, max: 120 } });
  url = await simulator.start();
  ledger = new MemoryLedger(10n ** 10n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await simulator.stop();
});

describe("generateContent", () => {
  it("settles what the provider billed, thoughts included, and gives the bare SDK's answer", async () => {
    const [bare, through] = await onBoth(async () => {
      return asSeen(await clientOf().models.generateContent(ask("say hello", { candidateCount: 2 })));
    });
    expect(through).toEqual(bare);
    const [span] = gated.spans();
    expect(span?.name).toBe(`generate_content ${MODEL}`);
    expect(span?.attributes).toMatchObject({
      "gen_ai.provider.name": "gcp.gemini",
      "gen_ai.request.choice.count": 2,
      "gen_ai.response.model": MODEL,
      "gen_ai.response.finish_reasons": ["STOP"],
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": Number(ledger.settled),
    });
    expect(span?.attributes["gen_ai.usage.reasoning.output_tokens"]).toBeGreaterThan(0);
  });

  it("counts each request of a chat, and reads from the cache at the cache's price", async () => {
    const config = { systemInstruction: "speak of toll gates ".repeat(1_000) };
    for (const message of ["one", "two"]) {
      const chat = clientOf().chats.create({ model: MODEL, config });
      await chat.sendMessage({ message });
    }
    expect(gated.spans()).toHaveLength(2);
    expect(gated.spans()[1]?.attributes["gen_ai.usage.cache_read.input_tokens"]).toBeGreaterThan(1_000);
    await expectSettled(paid());
  });

  it("lowers the bound to what is left, in a copy", async () => {
    ledger.limit = 200_000n;
    const config = { maxOutputTokens: 1_000, thinkingConfig: { thinkingBudget: 0 } };
    const answer = await clientOf().models.generateContent(ask("say hello", config));
    expect(answer.usageMetadata?.candidatesTokenCount).toBeLessThan(80);
    expect(config.maxOutputTokens).toBe(1_000);
    expect(gated.spans()[0]?.attributes["tollgate.budget.action"]).toBe("lowered_output_bound");
    await expectSettled(paid());
    expect(paid()).toBeLessThanOrEqual(ledger.limit);
  });

  it("holds a budget to the nano-dollar that ends in the middle of 64 callers, and sends nothing after", async () => {
    ledger.limit = 20_000_000n;
    const client = clientOf();
    const call = async (caller: number): Promise<unknown> => {
      for (let index = 0; ; index += 1) {
        const request = ask(`caller ${caller}, call ${index}`, { maxOutputTokens: 150 });
        try {
          if (caller % 2 === 0) await client.models.generateContent(request);
          else await read(await client.models.generateContentStream(request));
        } catch (error) {
          return error;
        }
      }
    };
    const ends = await Promise.all(Array.from({ length: 64 }, (_, caller) => call(caller)));
    expect(ends.every((end) => end instanceof BudgetExceeded)).toBe(true);
    await expectSettled(paid());
    expect(paid()).toBeLessThanOrEqual(ledger.limit);
    expect(paid()).toBeGreaterThan((ledger.limit * 9n) / 10n);
  });

  it("costs nothing when the provider refuses, in the SDK's own error", async () => {
    const call = clientOf().models.generateContent(ask("hi", faulty("rate_limit")));
    await expect(call).rejects.toMatchObject({ name: "ApiError", status: 429 });
    await expectSettled(0n);
    expect(gated.spans()[0]?.attributes).toMatchObject({ "error.type": "429", "tollgate.cost.nano_usd": 0 });
  });

  it("is one call over the SDK's own retries, each of which has money of its own", async () => {
    const client = clientOf({ retryOptions: { attempts: 3, initialDelay: 0.01 } });
    await client.models.generateContent(ask("once", faulty("server_error_once")));
    expect(gated.spans()).toHaveLength(1);
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("exact");
    await expectSettled(paid());
  });

  it("counts a request whose connection broke as reserved, because it may have been billed", async () => {
    const call = clientOf().models.generateContent(ask("hi", { ...faulty("cut=0"), maxOutputTokens: 100 }));
    await expect(call).rejects.toThrow("fetch failed");
    await gated.stop();
    expect(ledger.settled).toBeGreaterThanOrEqual(paid());
    expect(ledger.outstanding).toBe(0n);
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("estimated");
  });

  it("reserves for fields that a client adds to every body, and keeps its bound over them", async () => {
    const extraBody = { generationConfig: { maxOutputTokens: 60_000 } };
    await clientOf({ extraBody }).models.generateContent(ask("hi", { maxOutputTokens: 30 }));
    expect(simulator.count().output_tokens).toBeLessThanOrEqual(30);
    await expectSettled(paid());
  });
});

describe("generateContentStream", () => {
  it("settles what the provider billed, and gives the bare SDK's chunks", async () => {
    const [bare, through] = await onBoth(async () =>
      read(await clientOf().models.generateContentStream(ask("say hello"))),
    );
    expect(through).toEqual(bare);
    expect(through.length).toBeGreaterThan(3);
    expect(gated.spans()[0]?.attributes).toMatchObject({
      "gen_ai.request.stream": true,
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": Number(ledger.settled),
    });
  });

  it("aborts a stream that the app leaves, and charges no less than the provider", async () => {
    const stream = await clientOf().models.generateContentStream(
      ask("say hello", { ...faulty("pace=20"), maxOutputTokens: 200 }),
    );
    for await (const chunk of stream) {
      void chunk;
      break;
    }
    await gated.stop();
    await expect.poll(() => simulator.count().in_flight).toBe(0);
    expect(ledger.settled).toBeGreaterThanOrEqual(paid());
    expect(ledger.outstanding).toBe(0n);
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("estimated");
  });

  it("ends with the kill's own error when somebody stops its agent", async () => {
    const stream = await clientOf().models.generateContentStream(ask("say hello", faulty("pace=20")));
    const work = (async () => {
      for await (const chunk of stream) {
        void chunk;
        for (const call of gated.gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
      }
    })();
    await expect(work).rejects.toBeInstanceOf(AgentKilled);
    await gated.stop();
    await expect.poll(() => simulator.count().in_flight).toBe(0);
    expect(paid()).toBeGreaterThan(0n);
    expect(ledger.settled).toBeGreaterThanOrEqual(paid());
    expect(ledger.outstanding).toBe(0n);
  });

  it("charges as estimated what broke in the middle", async () => {
    const stream = await clientOf().models.generateContentStream(
      ask("hi", { ...faulty("cut=3"), maxOutputTokens: 90 }),
    );
    await expect(read(stream)).rejects.toThrow("terminated");
    await gated.stop();
    expect(ledger.settled).toBeGreaterThanOrEqual(paid());
    expect(ledger.outstanding).toBe(0n);
  });
});

describe("embedContent", () => {
  it("settles what the provider billed", async () => {
    const contents = ["what is your name", "what is your favourite colour"];
    const [bare, through] = await onBoth(async () => {
      const answer = await clientOf().models.embedContent({ model: "gemini-embedding-001", contents });
      return answer.embeddings;
    });
    expect(through).toEqual(bare);
    expect(through).toHaveLength(2);
    expect(gated.spans()[0]?.name).toBe("embeddings gemini-embedding-001");
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("exact");
  });
});

describe("a registered process", () => {
  it.each(["esm", "cjs"])("gates the %s twin", async (twin) => {
    const script = join(import.meta.dirname, "..", "..", "support", "agents", "gemini.cjs");
    const child = new Child({
      args: ["--import", "@tollgate/instrumentation/register", script, url, twin],
      env: { TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$0.0012" },
    });
    const { stdout, stderr } = await child.exit;
    expect(stderr).not.toContain("NOT gated");
    expect(JSON.parse(stdout)).toMatchObject({ code: "budget_exceeded" });
    expect(paid()).toBeGreaterThan(0n);
    expect(paid()).toBeLessThanOrEqual(1_200_000n);
  });
});
