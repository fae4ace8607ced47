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
    const seal = sealOf("f0e0d0c0b0a090807060504030201000", {
      keys: coveredKeys(["user.id", "tollgate.session.id"]).sealed,
      values: ["s-1", "zoë"],
    });
    const { hashed } = coveredKeys(["tollgate.decision", "tollgate.audit.seal", "tollgate.agent.name"]);
    expect(seal).toBe("e5b4f7e30b693504a6d5b829a49a4ba1472c3fa5cac4434a139917bdc8ae0095");
    expect(linkHash(head, { keys: hashed, values: ["db-bot", seal, "deny"] })).toBe(
      "5e6167bcaba637fe64644c59439f7dfbfe2e3b902d2cab00b4003cff7d6a2d0b",
    );
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
    expect(textOf(one, semconv.ATTR_TOLLGATE_AUDIT_SEAL)).toBe(
      sealOf(salt, { keys: coveredKeys(["user.id"]).sealed, values: ["zoë"] }),
    );
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
    const given = ["user.id", "tollgate.decision", "tollgate.redacted", "gen_ai.input.messages", "tollgate.label.a"];
    const { hashed, sealed, hashedWithSeal } = coveredKeys(given);
    expect(hashed.keys).toEqual(["tollgate.decision"]);
    expect(sealed.keys).toEqual(["tollgate.label.a", "user.id"]);
    expect(hashedWithSeal.keys).toEqual(["tollgate.audit.seal", "tollgate.decision"]);
  });

  it("covers the provider under a name that normalising keeps", () => {
    for (const name of Object.values(semconv.Provider)) expect(semconv.LEGACY_PROVIDERS).not.toHaveProperty([name]);
  });
});
