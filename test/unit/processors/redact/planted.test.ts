/**
 * Goal: whatever detectors look for is nowhere in what would be stored, wherever a sender put it.
 * Method: random spans with a planted secret in a random place, and a search through everything that a row is made from.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SUCCESS } from "../../../../src/component/outcome.ts";
import type { Attributes, AttributeValue, Span } from "../../../../src/pdata/span.ts";
import { redactProcessorFactory } from "../../../../src/processors/redact/factory.ts";
import { makeBatch, makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { attributeTexts } from "../../../support/attribute-texts.ts";

const PLANTED = [
  `sk-${"Ab3".repeat(16)}`,
  "alice.liddell@example.org",
  "4242 4242 4242 4242",
  "DE89370400440532013000",
  "203.0.113.77",
  "+49 30 9018200",
  "EMP-4711",
] as const;

const PLACES = [
  "attribute",
  "content",
  "nested",
  "label",
  "user",
  "resource",
  "scope",
  "event",
  "event name",
  "link",
  "status",
  "name",
] as const;

function rowText(span: Span): string {
  const sets: readonly Attributes[] = [
    span.attributes,
    span.resource.attributes,
    span.scope.attributes,
    ...span.events.map((event) => event.attributes),
    ...span.links.map((link) => link.attributes),
  ];
  const { spend: _spend, ...facts } = span.facts;
  return JSON.stringify(
    [span.name, span.statusMessage, ...span.events.map((event) => event.name), ...sets.map(attributeTexts), facts],
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
  );
}

function plant(place: (typeof PLACES)[number], text: string): Span {
  const map = (key: string, value: AttributeValue) => new Map<string, AttributeValue>([[key, value]]);
  const span = makeSpan(1, { name: place === "name" ? text : "chat" });
  const { attributes } = span;
  switch (place) {
    case "attribute":
      attributes.set("app.note", text);
      break;
    case "content":
      attributes.set("gen_ai.input.messages", text);
      break;
    case "nested":
      attributes.set("app.deep", [{ a: [text, { [text]: 1n }] }]);
      break;
    case "label":
      attributes.set("tollgate.label.desk", text);
      span.facts.labels = { desk: text };
      break;
    case "user":
      attributes.set("user.id", text);
      Object.assign(span.facts, { user: text, labels: { user: text } });
      break;
    case "resource":
      span.resource.attributes.set("deployment.contact", text);
      span.facts.labels = { "deployment.contact": text };
      break;
    case "scope":
      span.scope.attributes.set("contact", text);
      break;
    case "event":
    case "event name":
      return {
        ...span,
        events: [{ timeUnixNano: 1n, name: place === "event" ? "log" : text, attributes: map("m", text) }],
      };
    case "link":
      return { ...span, links: [{ traceId: "", spanId: "", traceState: "", attributes: map("m", text) }] };
    case "status":
      return { ...span, statusMessage: text };
    case "name":
      break;
  }
  return span;
}

describe("a planted secret", () => {
  it("is nowhere in the row, wherever it was, whatever stands around it and whatever is done with it", async () => {
    const words = fc.string({ maxLength: 20, unit: fc.constantFrom(..."abc déß漢\n\"',;()".split("")) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...PLANTED),
        fc.constantFrom(...PLACES),
        fc.tuple(words, words),
        fc.constantFrom("mask", "hash", "drop"),
        fc.constantFrom("drop", "hash", "keep"),
        async (secret, place, [before, after], action, content) => {
          const config = redactProcessorFactory.config.parse({
            content,
            action,
            detectors: ["secrets", "email", "credit_card", "iban", "ip", "phone"],
            patterns: [{ name: "employee", regex: "EMP-\\d+" }],
          });
          const span = plant(place, `${before} ${secret} ${after}`);
          const processor = redactProcessorFactory.create(config, {
            next: { consume: async () => SUCCESS },
            notify: ({ fields }) => expect.unreachable(JSON.stringify(fields)),
            hashKey: "a key for tests only",
          });
          await processor.consume(makeBatch([span]));
          expect(rowText(span)).not.toContain(secret);
        },
      ),
      { numRuns: 1_000, verbose: fc.VerbosityLevel.Verbose },
    );
  });
});
