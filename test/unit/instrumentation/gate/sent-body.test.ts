/** Whether what an app's own code has made of an admitted request is covered by what was admitted. */
import { expect, it } from "vitest";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import type { Admission } from "../../../../instrumentation/src/gate/admission.ts";
import { CallBounds } from "../../../../instrumentation/src/gate/call-bound.ts";
import { SentBody } from "../../../../instrumentation/src/gate/sent-body.ts";

const URL_MADE = "https://api.anthropic.com/v1/messages";
const PROMPT = "x".repeat(4_000);
const BODY = { model: "claude-haiku-4-5", max_tokens: 200, messages: [{ role: "user", content: PROMPT }] };

function admitted(body: object): SentBody {
  const facts = messages.readRequest({ ...body });
  const bounds = new CallBounds(facts, undefined);
  const admission = { facts, bounds, output: facts.outputBound } as unknown as Admission;
  const options = { endpoint: messages, facts, guard: undefined };
  const made = { url: URL_MADE, text: undefined };
  return new SentBody({ admission, options, giveWay: () => {}, stop: () => true }, made);
}

const covers = (change: object, body: object = BODY): boolean =>
  admitted(body).covers({ url: new URL(URL_MADE), body: () => ({ ...body, ...change }), read: () => undefined });

it("covers the same prompt with as much output or less, and no more of either", () => {
  expect(covers({})).toBe(true);
  expect(covers({ max_tokens: 100 })).toBe(true);
  expect(covers({ max_tokens: 201 })).toBe(false);
  expect(covers({ messages: [{ role: "user", content: PROMPT.repeat(2) }] })).toBe(false);
});

it("counts a prompt as often as it is read: half the output for twice as many models is no bargain", () => {
  const other = { model: "claude-haiku-4-5" };
  const body = { ...BODY, fallbacks: [other] };
  const change = { max_tokens: 100, fallbacks: [other, other, other] };
  expect(messages.readRequest({ ...body, ...change })).toMatchObject({ choices: 4, readings: 4 });
  expect(covers(change, body)).toBe(false);
  const shorter = { messages: [{ role: "user", content: PROMPT.slice(0, PROMPT.length / 3) }] };
  expect(covers({ ...change, ...shorter }, body)).toBe(true);
});
