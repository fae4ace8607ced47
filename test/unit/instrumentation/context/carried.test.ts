import { propagation, ROOT_CONTEXT, trace, type SpanContext } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import {
  AGENTS_ENTRY,
  carriedEntries,
  NOTHING_CARRIED,
  readCarried,
} from "../../../../instrumentation/src/context/carried.ts";
import {
  formatBaggage,
  formatTraceContext,
  parseBaggage,
  parseTraceContext,
} from "../../../../instrumentation/src/context/environment-carrier.ts";

const read = (text: string) => {
  const entries = parseBaggage(text);
  return readCarried((name) => entries.get(name));
};
const written = { agents: ["planner", "größe, 100 %"], session: "s=1;x", workflow: "w", isTooDeep: false };

describe("what is carried in baggage", () => {
  it("survives the way through a header or a variable", () => {
    expect(read(formatBaggage(carriedEntries(written), undefined))).toEqual(written);
  });

  it("travels beside what the app carries itself", () => {
    const others = propagation.createBaggage({ tenant: { value: "a b" }, [AGENTS_ENTRY]: { value: "old" } });
    const entries = parseBaggage(formatBaggage(carriedEntries(written), others));
    expect(entries.get("tenant")).toBe("a b");
    expect(readCarried((name) => entries.get(name))).toEqual(written);
  });

  it("is nothing when nobody said anything", () => {
    expect(read("")).toEqual(NOTHING_CARRIED);
    expect(formatBaggage(carriedEntries(NOTHING_CARRIED), undefined)).toBe("");
  });

  it("is bounded and never throws when it is hostile", () => {
    for (const text of ["%", "=,=;,", "tollgate.agents=%ZZ", "tollgate.session=%00", `a=${"x".repeat(9_000)}`]) {
      expect(read(text)).toEqual(NOTHING_CARRIED);
    }
    expect(read(`tollgate.session=${"x".repeat(300)}`).session).toBeUndefined();
    const many = Array.from({ length: 500 }, (_, index) => `a${index}`).join("%2C");
    expect(read(`tollgate.agents=${many}`)).toMatchObject({ isTooDeep: true });
  });

  it("says further on that a chain did not fit, instead of losing its first agents", () => {
    const agents = Array.from({ length: 17 }, (_, index) => `agent-${index}`);
    const entries = carriedEntries({ ...NOTHING_CARRIED, agents });
    expect(readCarried((name) => entries.get(name))).toMatchObject({ isTooDeep: true });
    const again = carriedEntries(readCarried((name) => entries.get(name)));
    expect(readCarried((name) => again.get(name))).toMatchObject({ isTooDeep: true });
  });
});

describe("the span that a process is started in", () => {
  it("is the same after the way through TRACEPARENT", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const context = parseTraceContext(traceparent, "a=1");
    expect(context).toMatchObject({ isRemote: true, traceFlags: 1 });
    const carrier = formatTraceContext(trace.setSpanContext(ROOT_CONTEXT, context as SpanContext));
    expect(carrier).toEqual({ TRACEPARENT: traceparent, TRACESTATE: "a=1" });
  });

  it("is none when the text is not one", () => {
    expect(parseTraceContext("00-00000000000000000000000000000000-0000000000000000-01", undefined)).toBeUndefined();
    expect(parseTraceContext("x", undefined)).toBeUndefined();
    expect(formatTraceContext(ROOT_CONTEXT)).toEqual({});
  });
});
