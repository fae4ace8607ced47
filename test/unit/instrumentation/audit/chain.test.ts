import { setImmediate } from "node:timers/promises";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { AuditChain } from "../../../../instrumentation/src/audit/chain.ts";
import { countDecision } from "../../../../instrumentation/src/audit/decision-order.ts";
import { coveredKeys, linkHash, NO_LINK, sealOf } from "../../../../instrumentation/src/audit/link.ts";
import * as semconv from "../../../../instrumentation/src/semconv.ts";

const SCOPE = "@tollgate/instrumentation";

function startChain(spanLimits: { readonly attributeCountLimit?: number } = {}) {
  const exporter = new InMemorySpanExporter();
  const chain = new AuditChain(SCOPE);
  const provider = new TracerProvider({ spanLimits, spanProcessors: [chain, new SimpleSpanProcessor({ exporter })] });
  return { chain, tracer: provider.getTracer(SCOPE), other: provider.getTracer("app"), spans: exporter };
}

const seqOf = (span: ReadableSpan) => Number(span.attributes[semconv.ATTR_TOLLGATE_AUDIT_SEQ]);
const textOf = (span: ReadableSpan, key: string) => String(span.attributes[key]);

describe("the audit chain of a process", () => {
  it("hashes the test vector of docs/audit.md", () => {
    const head = {
      chain: "000102030405060708090a0b0c0d0e0f",
      seq: "1",
      prev: NO_LINK,
      traceId: "5b8efff798038103d269b633813fc60c",
      spanId: "eee19b7ec3c1b174",
      parentSpanId: "",
      start: "1763748000000000000",
      end: "1763748000250000000",
      status: "ok",
    };
    const seal = sealOf("f0e0d0c0b0a090807060504030201000", ["tollgate.session.id", "s-1", "user.id", "zoë"]);
    const attributes = ["tollgate.agent.name", "db-bot", "tollgate.audit.seal", seal, "tollgate.decision", "deny"];
    expect(seal).toBe("78c01d4fb672729cba47b53edfa0d6a2e44eb79f635c5195d6cfc9b0d7819dcb");
    expect(linkHash(head, attributes)).toBe("e4f6948ae03049c500134398bacb3e1e5d8a630c14d21d4ddb1c042ff2259a4c");
  });

  it("links every span of the gate in the order in which 64 concurrent calls end", async () => {
    const { chain, tracer, spans } = startChain();
    await Promise.all(
      Array.from({ length: 64 }, async (_none, index) => {
        const span = tracer.startSpan(`call ${index}`);
        for (let turn = 0; turn < index % 7; turn += 1) await setImmediate();
        span.end();
      }),
    );
    const ended = spans.getFinishedSpans();
    expect(ended.map(seqOf)).toEqual(Array.from({ length: 64 }, (_none, index) => index + 1));
    let before = NO_LINK;
    for (const span of ended) {
      expect(textOf(span, semconv.ATTR_TOLLGATE_AUDIT_CHAIN)).toBe(chain.id);
      expect(textOf(span, semconv.ATTR_TOLLGATE_AUDIT_PREV)).toBe(before);
      before = textOf(span, semconv.ATTR_TOLLGATE_AUDIT_HASH);
    }
  });

  it("leaves spans of others alone", () => {
    const { other, spans } = startChain();
    other.startSpan("of the app").end();
    expect(spans.getFinishedSpans()[0]?.attributes).toEqual({});
  });

  it("chains a span that has reached the bound of its attributes", () => {
    const { tracer, spans } = startChain({ attributeCountLimit: 2 });
    tracer.startSpan("full", { attributes: { a: 1, b: 2, c: 3 } }).end();
    expect(spans.getFinishedSpans().map(seqOf)).toEqual([1]);
  });

  it("closes once for what came since, and not at all when nothing did", () => {
    const { chain, tracer, spans } = startChain();
    chain.close(tracer, "bot");
    expect(spans.getFinishedSpans()).toEqual([]);
    tracer.startSpan("call").end();
    chain.close(tracer, "bot");
    chain.close(tracer, "bot");
    expect(spans.getFinishedSpans().map(({ name }) => name)).toEqual(["call", semconv.AUDIT_CLOSE_SPAN]);
  });

  it("seals what may be redacted under a salt of its own each time", () => {
    const { tracer, spans } = startChain();
    for (const name of ["one", "two"]) tracer.startSpan(name, { attributes: { "user.id": "zoë" } }).end();
    const [one, two] = spans.getFinishedSpans();
    if (one === undefined || two === undefined) throw new Error("two spans were made");
    const salt = textOf(one, semconv.ATTR_TOLLGATE_AUDIT_SALT);
    expect(textOf(one, semconv.ATTR_TOLLGATE_AUDIT_SEAL)).toBe(sealOf(salt, ["user.id", "zoë"]));
    expect(textOf(two, semconv.ATTR_TOLLGATE_AUDIT_SEAL)).not.toBe(textOf(one, semconv.ATTR_TOLLGATE_AUDIT_SEAL));
  });

  it("counts a call's first decision, in the order of decisions and not of ends", () => {
    const { tracer, spans } = startChain();
    const [first, second] = [tracer.startSpan("first"), tracer.startSpan("second")];
    countDecision(first);
    countDecision(second);
    countDecision(first);
    second.end();
    first.end();
    const [ended, endedLast] = spans
      .getFinishedSpans()
      .map(({ attributes }) => Number(attributes[semconv.ATTR_TOLLGATE_AUDIT_DECISION]));
    expect(ended).toBe(Number(endedLast) + 1);
  });

  it("covers what no processor changes, seals what people may redact, and leaves the rest", () => {
    expect(
      coveredKeys(["user.id", "tollgate.decision", "tollgate.redacted", "gen_ai.input.messages", "tollgate.label.a"]),
    ).toEqual({ hashed: ["tollgate.decision"], sealed: ["tollgate.label.a", "user.id"] });
  });

  it("covers the provider under a name that normalising keeps", () => {
    for (const name of Object.values(semconv.Provider)) expect(semconv.LEGACY_PROVIDERS).not.toHaveProperty([name]);
  });
});
