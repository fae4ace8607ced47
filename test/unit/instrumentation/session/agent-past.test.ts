/** How far an agent went: what is new against it, what processes tell of it, and what holds where nobody can say. */
import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../instrumentation/src/lease/transport.ts";
import { DEFAULT_LABEL_ORDER, LabelOrder, reachOf } from "../../../../instrumentation/src/policy/index.ts";
import type { JsonValue, ToolFacts } from "../../../../instrumentation/src/policy/index.ts";
import type { PastSeen, SessionsReply, SessionsReport } from "../../../../instrumentation/src/protocol.ts";
import { AgentPast, PastBook } from "../../../../instrumentation/src/session/agent-past.ts";
import { SessionSharing } from "../../../../instrumentation/src/session/session-sharing.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";

const reach = (args: JsonValue, tool: Partial<ToolFacts> = {}) => reachOf(args, { name: "x", ...tool });
const ADA = reach({ to: "ada@corp.example" });
const EVE = reach({ to: "eve@evil.example" });

describe("how far a call goes", () => {
  it.each<[string, JsonValue, readonly string[]]>([
    [
      "a list in one text",
      { to: "ada@corp.example, eve@evil.example;Bob <bob@corp.example>" },
      ["ada@corp.example", "eve@evil.example", "bob@corp.example"],
    ],
    [
      "an object of a mail API",
      { message: { toRecipients: [{ emailAddress: { address: "Ada@corp.example" } }] } },
      ["ada@corp.example"],
    ],
    ["positional arguments", ["hello", { URL: "https://Evil.Example./x?y=1" }], ["evil.example"]],
    ["user info before the host", { url: "https://corp.example@evil.example/" }, ["evil.example"]],
    ["a link to an address", { to: "mailto:eve@evil.example" }, ["eve@evil.example"]],
    ["the most telling key first", { bcc: "b", to: "a", destination: "c" }, ["c", "a", "b"]],
    ["none", { text: "to: eve@evil.example" }, []],
  ])("is seen of %s", (_, args, destinations) => {
    expect(reach(args).destinations).toEqual(destinations);
  });

  it.each<[string, JsonValue, number]>([
    ["a number in an option", { options: { maxRows: 500 } }, 500],
    ["a number as text", { limit: "500" }, 500],
    ["the bound of a statement", { sql: "select a from t where b limit 500" }, 500],
    ["a list of what is done at once", { ids: Array.from({ length: 500 }, (_, index) => index) }, 500],
  ])("counts rows by %s", (_, args, rows) => {
    expect(reach(args).rows).toBe(rows);
  });
});

describe("a past", () => {
  it("forgets nothing it has room for, and calls new what it has none for", () => {
    const past = new AgentPast("a");
    for (let index = 0; index < 2_000; index += 1) past.add(reach({ host: `h${index}` }));
    expect(past.expansions(reach({ host: "h7" }), DEFAULT_LABEL_ORDER)).toEqual([]);
    expect(past.expansions(reach({ host: "h1999" }), DEFAULT_LABEL_ORDER)).toEqual(["destination"]);
    for (let index = 0; index < 2_000; index += 1) past.offer("s", `t${index}`, "f");
    expect([past.firstOf("s", "t7"), past.firstOf("s", "t1999")]).toEqual(["f", ""]);
  });

  it("knows labels by their rank now, and says nothing by those that the order has no more", () => {
    const past = new AgentPast("a");
    past.add(reach({}, { labels: ["internal", "gone"] }));
    const further = (labels: readonly string[], order = DEFAULT_LABEL_ORDER) =>
      past.expansions(reach({}, { labels }), order);
    expect([further(["public"]), further(["gone"]), further(["confidential"])]).toEqual([[], [], ["label"]]);
    expect(further(["confidential"], new LabelOrder([["confidential"], ["internal"]]))).toEqual([]);
  });

  it("holds for whoever may have been forgotten: to an agent too many, all is new", () => {
    const book = new PastBook();
    for (let index = 0; index < 300; index += 1) book.add(`a${index}`, ADA);
    expect(book.hasForgotten).toBe(true);
    expect(book.of("a0").expansions(ADA, DEFAULT_LABEL_ORDER, { isBegun: book.hasForgotten })).toEqual(["destination"]);
  });
});

const NOTHING: Omit<PastSeen, "agent"> = { has_acted: false, rows: 0, width: 0, labels: [], known: [], tools: {} };

function setUp() {
  const reports: SessionsReport[] = [];
  const clock = new HandClock();
  const kept = new Map<string, PastSeen>();
  const state = { isAway: false };
  const reply = (report: SessionsReport): Answer<SessionsReply> => {
    if (state.isAway) return { kind: "unreachable", reason: "away" };
    reports.push(report);
    const pasts = (report.pasts ?? []).flatMap(({ agent }) => kept.get(agent) ?? []);
    return { kind: "reply", reply: { sessions: [], pasts } };
  };
  const sharing = new SessionSharing({
    transport: { sessions: async (report) => reply(report) },
    clock,
    processId: "a",
    greet: async () => true,
  });
  const book = new PastBook();
  sharing.bindPasts(book);
  const newTo = (agent: string, call = EVE) => book.of(agent).expansions(call, DEFAULT_LABEL_ORDER);
  return { reports, clock, state, kept, sharing, book, newTo };
}

/** What another process told of an agent that has gone to `call`. */
function told(agent: string, call = ADA): PastSeen {
  const past = new AgentPast(agent);
  past.add(call);
  return past.untold();
}

describe("processes of one agent", () => {
  it("hear with their introduction how far it went, and tell what is further within a second, once", async () => {
    const { sharing, book, reports, clock, newTo } = setUp();
    sharing.onHello({ past: told("own") });
    expect(sharing.joinPast("own")).toBeUndefined();
    expect([newTo("own"), newTo("own", ADA)]).toEqual([["destination"], []]);
    for (let call = 0; call < 100; call += 1) book.add("own", call % 2 === 0 ? ADA : EVE);
    await clock.advance(999);
    expect(reports).toEqual([]);
    await clock.advance(1);
    expect(reports.map(({ sessions, pasts }) => [sessions, pasts?.map(({ known }) => known.length)])).toEqual([
      [[], [1]],
    ]);
    book.add("own", EVE);
    await clock.advance(5_000);
    expect([reports.length, sharing.unsaid()]).toEqual([1, undefined]);
  });

  it("ask of another agent once, and say what it did before anybody could be told", async () => {
    const { sharing, book, reports, kept, clock, newTo } = setUp();
    book.add("own", EVE);
    kept.set("helper", told("helper"));
    sharing.onHello({ past: { agent: "own", ...NOTHING } });
    await sharing.joinPast("helper");
    expect(sharing.joinPast("helper")).toBeUndefined();
    expect(newTo("helper")).toEqual(["destination"]);
    await clock.advance(1_000);
    expect(reports.flatMap(({ pasts = [] }) => pasts.map(({ agent, has_acted }) => [agent, has_acted]))).toEqual([
      ["helper", false],
      ["own", true],
    ]);
    await sharing.joinPast("foreign");
    expect([book.of("foreign").standing, sharing.joinPast("foreign")]).toEqual(["unknown", undefined]);
  });

  it("keep what they have to tell while the processor is away, and wait for it once a second", async () => {
    const { sharing, book, state, kept, clock } = setUp();
    sharing.onHello({ past: { agent: "own", ...NOTHING } });
    kept.set("helper", told("helper"));
    state.isAway = true;
    await sharing.joinPast("helper");
    expect([sharing.joinPast("helper"), book.of("helper").standing]).toEqual([undefined, "own"]);
    book.add("own", EVE);
    expect(sharing.unsaid()?.pasts).toHaveLength(2);
    state.isAway = false;
    await clock.advance(1_000);
    expect([sharing.unsaid(), book.of("helper").standing]).toEqual([undefined, "heard"]);
  });

  it("say nothing to a processor that does not keep it", async () => {
    const { sharing, book, reports, clock } = setUp();
    sharing.onHello({});
    book.add("own", EVE);
    expect(sharing.joinPast("own")).toBeUndefined();
    await clock.advance(5_000);
    await quiet();
    expect(reports).toEqual([]);
  });

  it("say nothing in a name that no processor takes, so that what they say of others arrives", async () => {
    const { sharing, book, reports, clock } = setUp();
    sharing.onHello({ past: { agent: "own", ...NOTHING } });
    for (const agent of ["a\u0000", "a".repeat(201)]) {
      expect(sharing.joinPast(agent)).toBeUndefined();
      book.add(agent, EVE);
    }
    book.add("own", reach({}, { labels: ["x".repeat(1_000)] }));
    await clock.advance(1_000);
    expect(reports.flatMap(({ pasts = [] }) => pasts.map(({ agent }) => agent))).toEqual(["own"]);
    expect(reports[0]?.pasts?.[0]?.labels[0]).toHaveLength(512);
    expect(book.of("own").expansions(reach({}, { labels: ["x".repeat(1_000)] }), DEFAULT_LABEL_ORDER)).toEqual([]);
  });

  it("believe the processor on how a tool was described first", () => {
    const { book } = setUp();
    book.offer("own", { server: "mail", name: "send", fingerprint: "b" });
    const first = new AgentPast("own");
    first.offer("mail", "send", "a");
    book.hear(first.untold());
    expect(book.of("own").firstOf("mail", "send")).toBe("a");
  });
});
