/**
 * Bodies whose names are in another case than the API has them. A server that takes them so (many a gateway in Go does) reads another bound
 * or model there than the exact name says: nothing goes whose dearest reading the budget does not cover.
 */
import { describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { openaiClient } from "../../support/gated-process.ts";
import { chatCompletion } from "../../support/scripted-provider.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 10 };

const wire = useGatedWire(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));

/** Enough for a thousand tokens of gpt-4o-mini, and for ten of a dear model. */
function start(budget = "$0.001"): void {
  wire.start({ env: { TOLLGATE_BUDGET: budget } });
}

type Send = (body: object) => Promise<unknown>;

const SENDERS: Readonly<Record<string, Send>> = {
  async "a raw request"(body) {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return (await fetch(`${wire.provider.url}/v1/chat/completions`, init)).json();
  },
  "an SDK": (body) => openaiClient(wire.provider.url).chat.completions.create(body as typeof CHAT),
};

async function codeOf(sent: Promise<unknown>): Promise<string | undefined> {
  return findTollgateError(await sent.catch((error: unknown) => error))?.code;
}

describe.each(Object.entries(SENDERS))("%s", (_name, send) => {
  it.each([
    { MAX_TOKENS: 16_000 },
    { Max_Completion_Tokens: 16_000 },
    { N: 500 },
    { "max_to\u212aens": 16_000 },
    { Model: "gpt-4o-pro-of-nobody" },
    { Model: "gpt-4", Max_Tokens: 40 },
  ])("is held to the dearest reading of %j", async (more) => {
    start();
    const { max_tokens: _left, ...unbounded } = CHAT;
    expect(await codeOf(send({ ...CHAT, ...more }))).toMatch(/^(?:budget_exceeded|unpriced_model)$/);
    expect(await codeOf(send({ ...more, ...CHAT }))).toMatch(/^(?:budget_exceeded|unpriced_model)$/);
    expect(wire.provider.requests).toEqual([]);
    expect(await codeOf(send({ ...CHAT, Max_Tokens: 20 }))).toBeUndefined();
    expect(wire.provider.requests.map(({ body }) => body)).toEqual([{ ...CHAT, Max_Tokens: 20 }]);
    // The gate would have set one; beside such a name it can't say whose counts.
    expect(await codeOf(send({ ...unbounded, Max_Tokens: 20 }))).toBe("budget_exceeded");
  });

  it("takes other names as they are", async () => {
    start();
    const body = { ...CHAT, metadata: { MAX_TOKENS: "1" }, User: "ada" };
    expect(await codeOf(send(body))).toBeUndefined();
    expect(wire.provider.requests.map((request) => request.body)).toEqual([body]);
  });
});

it("a raw request whose names are all in another case is a call of a model, on any host", async () => {
  start();
  const body = { Model: "gpt-4o-mini", Messages: CHAT.messages, Max_Tokens: 10 };
  expect(await codeOf(SENDERS["a raw request"]?.(body) ?? Promise.resolve())).toBe("budget_exceeded");
  expect(wire.provider.requests).toEqual([]);
  await wire.gated.stop();
  start("$1");
  await SENDERS["a raw request"]?.(body);
  expect(wire.provider.requests.map((request) => request.body)).toEqual([body]);
  expect(wire.gated.spans()[0]?.attributes).toMatchObject({ "tollgate.cost.nano_usd": 12 * 150 + 5 * 600 });
});
