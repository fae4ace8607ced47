/** Goal: keys that senders make up for each span cost themselves, not those whose keys come again. */
import { describe, expect, it } from "vitest";
import { AttributeKey } from "../../../../src/pdata/attribute-key.ts";
import { type AttributeShape, emptyShape } from "../../../../src/pdata/otlp/attribute-shape.ts";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";

const KEPT_MAX = 128;
const FIRST_TRIES_MAX = 16;

let begun = 0;
/** A shape that is in its tree, with children of nobody else. */
function newShape(): AttributeShape {
  begun += 1;
  const key = `shape.test.${begun}`;
  for (let tries = 0; tries < FIRST_TRIES_MAX; tries += 1) emptyShape().with(key);
  return emptyShape().with(key);
}

describe("shapes behind one that has led to many others", () => {
  it("are kept up to a bound, and know their keys all the same", () => {
    const shape = newShape();
    const made = Array.from({ length: 5_000 }, (_, index) => shape.with(`made.up.${index}`).with("last"));
    const kept = made.filter((_, index) => shape.child(`made.up.${index}`) !== undefined);
    expect(kept).toHaveLength(KEPT_MAX);
    for (const [index, each] of made.entries()) {
      expect(each.keys).toEqual([shape.key, `made.up.${index}`, "last"]);
      expect(each.keys.map((key) => each.indexOf(key))).toEqual([0, 1, 2]);
      expect(each.placeOf(AttributeKey.of("last"))).toBe(2);
      expect(each.indexOf("made.up")).toBeUndefined();
    }
  });

  it("come in when they come again and again", () => {
    const shape = newShape();
    for (let index = 0; index < 1_000; index += 1) shape.with(`made.up.${index}`);
    const tries = Array.from({ length: FIRST_TRIES_MAX + 1 }, () => shape.with("usual"));
    expect(tries.at(-1)).toBe(tries.at(-2));
    expect(shape.child("usual")).toBe(tries.at(-1));
  });
});

it("attributes with keys of their own are what was sent, and take more and lose some as a map does", () => {
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const spans = Array.from({ length: 600 }, (_, index) => ({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: (index + 1).toString(16).padStart(16, "0"),
    attributes: [text("usual", "a"), text(`own.${index}`, `value ${index}`), text("after", "b"), text("usual", "c")],
  }));
  const body = { resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: "s" }, spans }] }] };
  const decoded = decodeJsonTraces(Buffer.from(JSON.stringify(body)));
  if (decoded.kind === "malformed") throw new Error(decoded.reason);
  for (const [index, { attributes }] of decoded.spans.entries()) {
    const model = new Map<string, unknown>([
      ["usual", "c"],
      [`own.${index}`, `value ${index}`],
      ["after", "b"],
    ]);
    expect([...attributes]).toEqual([...model]);
    for (const key of ["added", "usual", "added too"]) {
      attributes.set(key, key);
      model.set(key, key);
    }
    expect([...attributes]).toEqual([...model]);
    expect(attributes.delete(`own.${index}`)).toBe(model.delete(`own.${index}`));
    expect([...attributes]).toEqual([...model]);
    for (const key of [...model.keys(), `own.${index}`, "nowhere"]) {
      expect([key, attributes.has(key), attributes.get(key)]).toEqual([key, model.has(key), model.get(key)]);
    }
    expect(attributes.size).toBe(model.size);
  }
});
