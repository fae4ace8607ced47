import { describe, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import { SILENT } from "../../../../src/component/notice.ts";
import { type Outcome, SUCCESS } from "../../../../src/component/outcome.ts";
import type { LogBatch, LogRecord } from "../../../../src/pdata/log-record.ts";
import type { AttributeValue } from "../../../../src/pdata/span.ts";
import { EventsProcessor, type EventsProcessorOptions } from "../../../../src/processors/events/events.ts";
import { standingOf } from "../../../../src/processors/identity/identity.ts";
import { redactProcessorConfig } from "../../../../src/processors/redact/config.ts";
import { createRecordRedactor } from "../../../../src/processors/redact/redact-record.ts";
import { logRecord } from "../../../support/log-record.ts";

const KEY = Buffer.from("a key of this test");
const NOBODY = { agent: "unknown", isVerified: false, foreign: undefined, refusal: undefined };
const REGISTRY = {
  mayActAs: (sender: string, agent: string): boolean => sender === "key-1" && agent === "shop",
  namesOf: (): readonly string[] => ["shop"],
};

function processorInto(
  batches: LogBatch[],
  options: Partial<EventsProcessorOptions> & { outcome?: Outcome } = {},
): EventsProcessor {
  const { outcome = SUCCESS, ...rest } = options;
  const next = {
    consume: async (batch: LogBatch): Promise<Outcome> => {
      batches.push(batch);
      return outcome;
    },
  };
  return new EventsProcessor({
    next,
    standingOf: (record, sender) => ({
      ...standingOf({ span: record, sender, registry: REGISTRY }),
      refusal: undefined,
    }),
    replaceContent: () => undefined,
    fingerprintKey: KEY,
    notify: SILENT,
    ...rest,
  });
}

async function passed(
  records: readonly LogRecord[],
  options: Partial<EventsProcessorOptions> & { sender?: string } = {},
): Promise<readonly LogRecord[]> {
  const batches: LogBatch[] = [];
  const { sender, ...rest } = options;
  await processorInto(batches, rest).consume({ records, sender, receivedUnixMs: 1 });
  return batches.flatMap((batch) => batch.records);
}

const ids = (records: readonly LogRecord[]): string[] => records.map((record) => record.facts.identity.toString("hex"));
const asObject = (record: LogRecord | undefined): object => Object.fromEntries(record?.attributes ?? []);

describe("whose a record is", () => {
  it("is the agent that it names, verified only by the sender's credential", async () => {
    const named = (): LogRecord =>
      logRecord({ attributes: { "gen_ai.agent.name": "shop" }, resource: { "service.name": "web" } });
    const [unverified] = await passed([named()]);
    expect(unverified?.facts).toMatchObject({ agent: "shop", agentVerified: false });
    const [verified] = await passed([named()], { sender: "key-1" });
    expect(verified?.facts).toMatchObject({ agent: "shop", agentVerified: true });
    const [other] = await passed([logRecord({ resource: { "service.name": "web" } })], { sender: "key-1" });
    // A name that the key is not bound to is kept as a claim; the record is the key's own agent's.
    expect(other?.facts).toMatchObject({ agent: "shop", agentVerified: false });
    expect(other?.attributes.get("tollgate.agent.claimed")).toBe("web");
  });

  it("is no reason to take it, where foreign names are refused: its sender is told, and keeps the others", async () => {
    const batches: LogBatch[] = [];
    const refusing = processorInto(batches, {
      standingOf: (record) => ({ ...NOBODY, refusal: record.eventName === "foreign" ? "not yours" : undefined }),
    });
    const records = ["own", "foreign", "own"].map((eventName) => logRecord({ eventName }));
    const outcome = await refusing.consume({ records, sender: "key-1", receivedUnixMs: 1 });
    expect(outcome).toEqual({ kind: "success", rejected: [{ reason: "not yours", count: 1 }] });
    expect(batches[0]?.records.map((record) => record.eventName)).toEqual(["own", "own"]);
    expect(refusing.stats()).toMatchObject({ received: 3, stored: 2, refused: 1, inFlight: 0 });
  });

  it("can't be claimed to be verified, nor to be rid of content", async () => {
    const claims = { "tollgate.agent.verified": true, "tollgate.content.dropped": 5n };
    const [record] = await passed([logRecord({ attributes: claims })]);
    expect(asObject(record)).toEqual({ "tollgate.agent.verified": false });
  });

  it("has the session of the conversation", async () => {
    const [record] = await passed([logRecord({ attributes: { "gen_ai.conversation.id": "c-1" } })]);
    expect(record?.facts.session).toBe("c-1");
  });
});

describe("the identity of a record", () => {
  const said = (body: string): LogRecord => logRecord({ eventName: "gen_ai.user.message", body: { content: body } });

  it("is the same when its request is sent again, and 24 bytes", async () => {
    const [first] = ids(await passed([said("hello")]));
    expect(ids(await passed([said("hello")]))).toEqual([first]);
    expect(first).toHaveLength(48);
  });

  it("tells identical records of one request apart, in the same way each time", async () => {
    const batch = (): LogRecord[] => [said("hello"), said("hello"), said("hello")];
    const once = ids(await passed(batch()));
    expect(new Set(once).size).toBe(3);
    expect(ids(await passed(batch()))).toEqual(once);
    // A part of it that comes alone is known, too.
    expect(ids(await passed([said("hello")]))).toEqual(once.slice(0, 1));
  });

  it("differs with every field, content that is dropped included", async () => {
    const variants: LogRecord[] = [
      said("hello"),
      said("Hello"),
      logRecord({ eventName: "gen_ai.choice", body: { content: "hello" } }),
      logRecord({ eventName: "gen_ai.user.message", body: { content: "hello" }, timeUnixNano: 5n }),
      logRecord({ eventName: "gen_ai.user.message", body: { content: "hello" }, traceId: "a".repeat(32) }),
      logRecord({ eventName: "gen_ai.user.message", body: { content: "hello" }, attributes: { a: 1n } }),
      logRecord({ eventName: "gen_ai.user.message", body: { content: "hello" }, attributes: { a: "1" } }),
      logRecord({ eventName: "gen_ai.user.message", body: { content: "hello" }, resource: { a: 1n } }),
    ];
    expect(new Set(ids(await passed(variants))).size).toBe(variants.length);
  });

  it("does not depend on the order of attributes", async () => {
    const [one] = ids(await passed([logRecord({ attributes: { a: 1n, b: 2n } })]));
    const [two] = ids(await passed([logRecord({ attributes: { b: 2n, a: 1n } })]));
    expect(one).toBe(two);
  });

  it("can't be guessed without the key", async () => {
    const [one] = ids(await passed([said("hello")]));
    const [two] = ids(await passed([said("hello")], { fingerprintKey: Buffer.from("another key") }));
    expect(one).not.toBe(two);
  });
});

describe("content", () => {
  const CHOICE: AttributeValue = {
    index: 0n,
    finish_reason: "tool_calls",
    message: {
      role: "assistant",
      content: "secret answer",
      tool_calls: [{ id: "call_1", type: "function", function: { name: "lookup", arguments: '{"q":"secret"}' } }],
    },
  };

  it("is dropped by default from attributes, and what is said about the call stays", async () => {
    const [record] = await passed([
      logRecord({
        eventName: "gen_ai.client.inference.operation.details",
        attributes: {
          "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: "secret" }] }],
          "gen_ai.output.messages": "[secret]",
          "gen_ai.system_instructions": "secret",
          "gen_ai.request.model": "gpt-4o-mini",
          "gen_ai.usage.input_tokens": 10n,
          "gen_ai.response.finish_reasons": ["stop"],
        },
      }),
    ]);
    expect(asObject(record)).toEqual({
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": 10n,
      "gen_ai.response.finish_reasons": ["stop"],
      "tollgate.agent.verified": false,
      "tollgate.content.dropped": 3n,
    });
  });

  it("of a choice's body leaves index, finish reason, role and which tools were asked for", async () => {
    const [record] = await passed([logRecord({ eventName: "gen_ai.choice", body: CHOICE })]);
    expect(record?.body).toEqual({
      index: 0n,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        tool_calls: [{ id: "call_1", type: "function", function: { name: "lookup" } }],
      },
    });
    expect(record?.attributes.get("tollgate.content.dropped")).toBe(2n);
  });

  it("of an evaluation drops the explanation and keeps the score", async () => {
    const [record] = await passed([
      logRecord({
        eventName: "gen_ai.evaluation.result",
        attributes: { "gen_ai.evaluation.score.value": 0.9, "gen_ai.evaluation.explanation": "secret" },
      }),
    ]);
    expect(asObject(record)).toMatchObject({ "gen_ai.evaluation.score.value": 0.9, "tollgate.content.dropped": 1n });
    expect(record?.attributes.has("gen_ai.evaluation.explanation")).toBe(false);
  });

  it("as the text body of a GenAI event is dropped, whatever the event is called", async () => {
    const [record] = await passed([logRecord({ eventName: "gen_ai.something.new", body: "secret" })]);
    expect(record?.body).toBeNull();
    expect(record?.attributes.get("tollgate.content.dropped")).toBe(1n);
  });

  it("of other records goes by its key; a plain line of log stays", async () => {
    const [plain, structured] = await passed([
      logRecord({ body: "listening on port 80" }),
      logRecord({ body: { step: "call", details: { "gen_ai.input.messages": ["secret"], model: "m" } } }),
    ]);
    expect(plain?.body).toBe("listening on port 80");
    expect(structured?.body).toEqual({ step: "call", details: { model: "m" } });
  });

  it("that is kept counts as dropped only where something was taken out of it", async () => {
    const spoken = logRecord({ eventName: "gen_ai.user.message", body: { content: "clean", more: "a@b.example" } });
    const clean = (value: AttributeValue): AttributeValue => (value === "a@b.example" ? "[email]" : value);
    const [record] = await passed([spoken], { replaceContent: clean });
    expect(record?.body).toEqual({ content: "clean", more: "[email]" });
    expect(record?.attributes.get("tollgate.content.dropped")).toBe(1n);
  });

  it("is replaced where it is hashed, and untouched where it is kept", async () => {
    const spoken = (): LogRecord =>
      logRecord({ eventName: "gen_ai.user.message", body: { role: "user", content: "secret" } });
    const [hashed] = await passed([spoken()], { replaceContent: () => "#1" });
    expect(hashed?.body).toEqual({ role: "user", content: "#1" });
    const batches: LogBatch[] = [];
    const next = { consume: async (batch: LogBatch): Promise<Outcome> => (batches.push(batch), SUCCESS) };
    const keeping = new EventsProcessor({ next, standingOf: () => NOBODY, fingerprintKey: KEY, notify: SILENT });
    await keeping.consume({ records: [spoken()], sender: undefined, receivedUnixMs: 1 });
    expect(batches[0]?.records[0]?.body).toEqual({ role: "user", content: "secret" });
    expect(batches[0]?.records[0]?.attributes.has("tollgate.content.dropped")).toBe(false);
  });
});

describe("what else may not be stored", () => {
  const HASH_KEY = "hash key of this test";
  const redactorOf = (config: object): ((record: LogRecord) => void) =>
    createRecordRedactor(redactProcessorConfig.parse(config), HASH_KEY);

  it("is taken out by key, from record and resource, by the rules that spans have", async () => {
    const [record] = await passed(
      [
        logRecord({
          attributes: { "http.request.header.authorization": "Bearer secret", path: "/", "user.email": "a@b.example" },
          resource: { "host.name": "h-1", "service.name": "shop" },
        }),
      ],
      { redact: redactorOf({ hash_keys: ["user.email"], keys: ["*.header{,s}.authorization", "host.*"] }) },
    );
    const attributes = Object.fromEntries(record?.attributes ?? []);
    expect(attributes).toMatchObject({ path: "/", "tollgate.redacted": 3n });
    expect(attributes["user.email"]).toMatch(/^hmac:/);
    expect(attributes).not.toHaveProperty(["http.request.header.authorization"]);
    expect([...(record?.resource.attributes.keys() ?? [])]).toEqual(["service.name"]);
    const hashing = redactorOf({ hash_keys: ["session.id"] });
    const [inSession] = await passed([logRecord({ attributes: { "session.id": "s-1" } })], { redact: hashing });
    expect(inSession?.facts.session).toMatch(/^hmac:/);
  });

  it("is found in values and bodies where detectors are configured", async () => {
    const [record] = await passed([logRecord({ attributes: { note: "to a@b.example" }, body: "from c@d.example" })], {
      redact: redactorOf({ detectors: ["email"] }),
    });
    expect(record?.attributes.get("note")).toBe("to [email]");
    expect(record?.body).toBe("from [email]");
  });

  it("is withheld as a whole when it can't be looked at", async () => {
    const redact = (): void => {
      throw new Error("boom");
    };
    const [record] = await passed([logRecord({ attributes: { note: "secret" }, body: "secret" })], { redact });
    expect(record?.body).toBeNull();
    expect(record?.attributes.size).toBe(0);
  });
});

it("counts a batch as refused where its own work or the next one throws: the sender has it still", async () => {
  const broken = (): never => {
    throw new Error("no");
  };
  const batch: LogBatch = { records: [logRecord(), logRecord()], sender: undefined, receivedUnixMs: 1 };
  for (const options of [{ standingOf: broken }, { next: { consume: async () => broken() } }]) {
    const processor = processorInto([], options);
    await expect(processor.consume(batch)).rejects.toThrow("no");
    expect(processor.stats()).toMatchObject({ received: 2, stored: 0, refused: 2, inFlight: 0 });
  }
});

it("counts what it passed on, and what the next one did not take", async () => {
  const batch: LogBatch = { records: [logRecord(), logRecord()], sender: undefined, receivedUnixMs: 1 };
  const taking = processorInto([]);
  await taking.consume(batch);
  expect(taking.stats()).toMatchObject({ received: 2, stored: 2, refused: 0, inFlight: 0 });
  const refusing = processorInto([], { outcome: { kind: "retryable", reason: "full" } });
  expect(await refusing.consume(batch)).toMatchObject({ kind: "retryable" });
  expect(refusing.stats()).toMatchObject({ received: 2, stored: 0, refused: 2, inFlight: 0 });
  expect(flowImbalance(refusing.stats())).toBe(0);
});
