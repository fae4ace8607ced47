import { describe, expect, it } from "vitest";
import type { AttributeValue, Span } from "../../../../src/pdata/span.ts";
import { redactProcessorFactory } from "../../../../src/processors/redact/factory.ts";
import { SUCCESS } from "../../../../src/component/outcome.ts";
import type { Notice } from "../../../../src/component/notice.ts";
import { makeBatch, makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { attributeTexts } from "../../../support/attribute-texts.ts";

const HASH_KEY = "a key for tests only";

async function redacted(config: unknown, ...spans: readonly Span[]): Promise<readonly Notice[]> {
  const notices: Notice[] = [];
  const processor = redactProcessorFactory.create(redactProcessorFactory.config.parse(config), {
    next: { consume: async () => SUCCESS },
    notify: (notice) => notices.push(notice),
    hashKey: HASH_KEY,
  });
  await processor.consume(makeBatch(spans));
  return notices;
}

const texts = (span: Span) => attributeTexts(span.attributes);

async function attributesAfter(config: unknown, attributes: Readonly<Record<string, AttributeValue>>) {
  const span = makeSpan(1, { attributes });
  await redacted(config, span);
  return texts(span);
}

const CALL = {
  "gen_ai.input.messages": '[{"role":"user"}]',
  "gen_ai.request.model": "gpt-4o",
  "gen_ai.usage.input_tokens": 12n,
  "llm.input_messages.0.message.content": "hello",
};

describe("content", () => {
  it("is dropped when nothing is configured, and how much is noted", async () => {
    expect(await attributesAfter({}, CALL)).toEqual({
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.usage.input_tokens": "12",
      "tollgate.content.dropped": "2",
    });
  });

  it("is hashed on request: equal texts give equal hashes", async () => {
    const first = await attributesAfter({ content: "hash" }, CALL);
    expect(first["gen_ai.input.messages"]).toMatch(/^hmac:[0-9a-f]{32}$/);
    expect(await attributesAfter({ content: "hash" }, CALL)).toEqual(first);
    const other = await attributesAfter({ content: "hash", hash_key: "another key, 16+" }, CALL);
    expect(other["gen_ai.input.messages"]).not.toBe(first["gen_ai.input.messages"]);
  });

  it("stays on request, and detectors look through it", async () => {
    const after = await attributesAfter(
      { content: "keep", detectors: ["email"] },
      { "gen_ai.input.messages": "write to bob@example.com" },
    );
    expect(after).toEqual({ "gen_ai.input.messages": "write to [email]", "tollgate.redacted": "1" });
  });

  it("is found in events under everyday names", async () => {
    const event = {
      timeUnixNano: 1n,
      name: "gen_ai.user.message",
      attributes: new Map<string, AttributeValue>([
        ["content", "hello"],
        ["role", "user"],
      ]),
    };
    const span: Span = { ...makeSpan(1), events: [event] };
    await redacted({}, span);
    expect([...event.attributes]).toEqual([["role", "user"]]);
    expect(texts(span)).toEqual({ "tollgate.content.dropped": "1" });
  });

  it("is found under an everyday name on the spans of the sender that uses it, and stays on others", async () => {
    const attributes = { message: '{"messages":[{"content":"hello"}]}', "messaging.operation": "process" };
    const [autogen, other] = ["autogen SingleThreadedAgentRuntime", "my-app"].map((scope) =>
      makeSpan(1, { scope, attributes }),
    ) as [Span, Span];
    await redacted({}, autogen, other);
    expect(texts(autogen)).toEqual({ "messaging.operation": "process", "tollgate.content.dropped": "1" });
    expect(texts(other)).toEqual(attributes);
    const kept = makeSpan(1, { scope: "autogen-core", attributes });
    await redacted({ ignored_keys: ["message"] }, kept);
    expect(texts(kept)).toEqual(attributes);
  });

  it("leaves a span without any as it was", async () => {
    expect(await attributesAfter({}, { "http.route": "/x" })).toEqual({ "http.route": "/x" });
  });
});

describe("keys", () => {
  it("drop credentials in headers by default", async () => {
    const after = await attributesAfter({}, { "http.request.header.authorization": ["Bearer x"], "http.route": "/" });
    expect(after).toEqual({ "http.route": "/", "tollgate.redacted": "1" });
  });

  it("drop and hash by glob", async () => {
    const after = await attributesAfter(
      { keys: ["debug.*"], hash_keys: ["user.*"] },
      { "debug.a": 1n, "user.id": "u1" },
    );
    expect(after).toEqual({ "user.id": expect.stringMatching(/^hmac:/), "tollgate.redacted": "2" });
  });

  it("allow nothing but a list, where one is given", async () => {
    const after = await attributesAfter({ allowed_keys: ["http.*"] }, { "http.route": "/", other: "x", ...CALL });
    expect(Object.keys(after)).toEqual([
      "http.route",
      "gen_ai.request.model",
      "gen_ai.usage.input_tokens",
      "tollgate.redacted",
      "tollgate.content.dropped",
    ]);
  });

  it("leave alone what is ignored, content too", async () => {
    const after = await attributesAfter({ ignored_keys: ["gen_ai.input.*"], detectors: ["email"] }, CALL);
    expect(after["gen_ai.input.messages"]).toBe(CALL["gen_ai.input.messages"]);
  });

  it("never touch what governance, cost and naming stand on", async () => {
    const facts = {
      "tollgate.decision": "deny",
      "tollgate.decision.reason": "ask bob@example.com",
      "tollgate.cost.nano_usd": 5n,
      "tollgate.audit.hash": "ab",
      "gen_ai.response.id": "4242424242424242",
      "gen_ai.usage.input_tokens": 3n,
    };
    const config = { keys: ["*"], allowed_keys: ["nothing"], detectors: ["email", "credit_card"], action: "drop" };
    const after = await attributesAfter(config, facts);
    expect(after).toEqual(attributeTexts(new Map(Object.entries(facts))));
  });

  it("of a flood do not pile up, and are still judged", async () => {
    const flood = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, "v"]));
    const after = await attributesAfter({ keys: ["k9999"] }, flood);
    expect(Object.keys(after)).toHaveLength(10_000);
    expect(after["k9999"]).toBeUndefined();
  });
});

describe("values", () => {
  it("are masked, hashed or dropped", async () => {
    const attributes = { note: "call bob@example.com", plain: "x" };
    expect((await attributesAfter({ detectors: ["email"] }, attributes))["note"]).toBe("call [email]");
    const hashed = await attributesAfter({ detectors: ["email"], action: "hash" }, attributes);
    expect(hashed["note"]).toMatch(/^call hmac:[0-9a-f]{32}$/);
    expect(await attributesAfter({ detectors: ["email"], action: "drop" }, attributes)).toEqual({
      plain: "x",
      "tollgate.redacted": "1",
    });
  });

  it("are looked through inside lists and objects", async () => {
    const after = await attributesAfter(
      { detectors: ["email"] },
      { nested: ["a", { "bob@example.com": ["eve@example.com", 1n, null] }] },
    );
    expect(after["nested"]).toBe('["a",{"[email]":["[email]",1,null]}]');
  });

  it("are matched by patterns of the configuration, under their names", async () => {
    const config = { patterns: [{ name: "employee", regex: "(?i)\\bemp-\\d{4}\\b" }] };
    expect((await attributesAfter(config, { note: "EMP-1234 and emp-12345" }))["note"]).toBe(
      "[employee] and emp-12345",
    );
  });

  it("that several rules find are replaced once", async () => {
    const config = { detectors: ["email"], patterns: [{ name: "host", regex: "example\\.com and" }] };
    expect((await attributesAfter(config, { note: "bob@example.com and x" }))["note"]).toBe("[email] x");
  });

  it("in errors lose credentials without any setting", async () => {
    const secret = `sk-${"a1".repeat(20)}`;
    const span: Span = {
      ...makeSpan(1, { name: `call ${secret}` }),
      statusMessage: `401 bad key ${secret}`,
      events: [{ timeUnixNano: 1n, name: "exception", attributes: new Map([["exception.message", `bad ${secret}`]]) }],
    };
    await redacted({}, span);
    expect(span.statusMessage).toBe("401 bad key [secret]");
    expect(span.events[0]?.attributes.get("exception.message")).toBe("bad [secret]");
    expect(texts(span)).toEqual({ "tollgate.redacted": "2" });
  });
});

describe("the row beside the attributes", () => {
  it("follows them: user, session, labels, and the copies of other dialects", async () => {
    const resource = { "service.name": "a", contact: "team@example.com" };
    const facts = {
      user: "bob@example.com",
      session: "s1",
      labels: {
        user: "bob@example.com",
        session: "s1",
        contact: "team@example.com",
        desk: "eve@example.com",
        team: "t",
      },
    };
    const attributes = { "user.id": "bob@example.com", "tollgate.label.desk": "eve@example.com", "session.id": "s1" };
    const spans = [makeSpan(1, { resource, facts, attributes })];
    const [span] = spans;
    await redacted({ detectors: ["email"], hash_keys: ["session.id"] }, ...spans);
    expect(span?.facts.user).toBe("[email]");
    expect(span?.facts.session).toMatch(/^hmac:/);
    expect(span?.facts.labels).toEqual({
      user: "[email]",
      session: span?.facts.session,
      contact: "[email]",
      desk: "[email]",
      team: "t",
    });
  });

  it("follows a key of another dialect whose value was copied", async () => {
    const attributes = { "langfuse.user.id": "u-77", "user.id": "u-77" };
    const span = makeSpan(1, { attributes, facts: { user: "u-77", labels: { user: "u-77" } } });
    await redacted({ keys: ["langfuse.user.id"] }, span);
    expect(texts(span)).toEqual({ "tollgate.redacted": "1" });
    expect(span.facts.user).toBe("");
    expect(span.facts.labels).toEqual({});
  });

  it("follows content that a resource has, which is a label too", async () => {
    const facts = { labels: { "input.value": "hello", team: "t" } };
    const span = makeSpan(1, { resource: { "input.value": "hello" }, facts });
    await redacted({}, span);
    expect(span.facts.labels).toEqual({ team: "t" });
  });

  it("redacts a shared resource once, for all spans that have it", async () => {
    const resource = { attributes: new Map<string, AttributeValue>([["owner", "bob@example.com"]]) };
    const spans = [1, 2, 3].map((index): Span => ({ ...makeSpan(index), resource }));
    await redacted({ detectors: ["email"], action: "hash" }, ...spans);
    expect(resource.attributes.get("owner")).toMatch(/^hmac:[0-9a-f]{32}$/);
    expect(spans.map((span) => texts(span))).toEqual(spans.map(() => ({ "tollgate.redacted": "1" })));
  });

  it("keeps nothing of a span that could not be looked at", async () => {
    const attributes = new Map<string, AttributeValue>([
      ["note", "secret"],
      ["tollgate.decision", "deny"],
    ]);
    const span: Span = { ...makeSpan(1), statusMessage: "secret", attributes };
    attributes.get = (key) => {
      if (key === "note") throw new RangeError("broken");
      return "deny";
    };
    const notices = await redacted({ detectors: ["email"] }, span);
    expect([...attributes.keys()]).toEqual(["tollgate.decision"]);
    expect(span.statusMessage).toBe("");
    expect(notices).toMatchObject([{ event: "span_not_processed" }]);
  });
});

describe("the configuration", () => {
  it.each([
    [{ patterns: [{ name: "x", regex: "(?=a)" }] }, "RE2"],
    [{ patterns: [{ name: "x", regex: "a*" }] }, "empty text"],
    [{ detectors: ["names"] }, "detectors"],
    [{ keys: ["!a"] }, "negated"],
    [{ hash_key: "short" }, "16"],
  ])("refuses %j", (config, message) => {
    const result = redactProcessorFactory.config.safeParse(config);
    expect(result.error?.message).toContain(message);
  });
});
