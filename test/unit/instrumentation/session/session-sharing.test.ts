/** What processes of one session tell one another: a processor in memory, and a clock that is turned by hand. */
import { expect, it } from "vitest";
import { SessionBook } from "../../../../instrumentation/src/session/session-book.ts";
import { SessionSharing } from "../../../../instrumentation/src/session/session-sharing.ts";
import { DEFAULT_LABEL_ORDER } from "../../../../instrumentation/src/policy/label.ts";
import type { Answer } from "../../../../instrumentation/src/lease/transport.ts";
import type { SessionSeen, SessionsReply, SessionsReport } from "../../../../instrumentation/src/protocol.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";

const OTHERS: SessionSeen = {
  session: "s",
  labels: ["restricted"],
  tools: ["export"],
  actions: [],
  systems: [],
  destinations: [],
  denied: 2,
  calls: 7,
  spent_nano_usd: "1500000000",
};
const AWAY = { kind: "unreachable", reason: "away" } as const;

function setUp() {
  const reports: SessionsReport[] = [];
  const clock = new HandClock();
  const state = { answer: (): Answer<SessionsReply> => ({ kind: "reply", reply: { sessions: [] } }), isKnown: true };
  const sharing = new SessionSharing({
    transport: {
      sessions: async (report) => {
        if (!state.isKnown) return { kind: "process_unknown" };
        reports.push(report);
        return state.answer();
      },
    },
    clock,
    processId: "a",
    greet: async () => (state.isKnown = true),
  });
  const book = new SessionBook();
  sharing.bind(book);
  const factsOf = (id: string) => book.of(id).facts(DEFAULT_LABEL_ORDER, { tool: "x", digest: "" });
  return { reports, clock, state, sharing, book, factsOf };
}

it("says nothing while no policy of the fleet asks, and then what happened before", async () => {
  const { sharing, book, reports } = setUp();
  sharing.onHello({ shares_sessions: false });
  book.of("s").read(["confidential"]);
  book.of("").read(["restricted"]);
  expect(sharing.join("s")).toBeUndefined();
  await quiet();
  expect(reports).toEqual([]);
  sharing.onHello({ shares_sessions: true });
  await quiet();
  expect(reports.map(({ sessions }) => sessions.map(({ session, labels }) => [session, labels]))).toEqual([
    [["s", ["confidential"]]],
  ]);
});

it("lets the first decision in a session wait for what others have seen, and adds their counts to its own", async () => {
  const { sharing, book, state, factsOf } = setUp();
  sharing.onHello({ shares_sessions: true });
  state.answer = () => ({ kind: "reply", reply: { sessions: [OTHERS] } });
  expect(await sharing.join("s")).toBe(true);
  expect(sharing.join("s")).toBeUndefined();
  book.of("s").deny();
  expect(factsOf("s")).toMatchObject({ label: "restricted", denied: 3, calls: 7, spentUsd: 1.5, tools: ["export"] });
  sharing.hear([{ ...OTHERS, denied: 1, labels: [] }]);
  expect(factsOf("s")).toMatchObject({ label: "restricted", denied: 3 });
});

it("tells a label before a result is handed over, each once, and all of it to a processor that may not know", async () => {
  const { sharing, book, state, reports } = setUp();
  sharing.onHello({ shares_sessions: true });
  await sharing.join("s");
  book.of("s").read(["confidential"]);
  await sharing.told(book.of("s"));
  expect(sharing.told(book.of("s"))).toBeUndefined();
  expect(reports.at(-1)?.sessions[0]).toMatchObject({ labels: ["confidential"] });
  book.of("s").deny();
  await quiet();
  expect(reports.at(-1)?.sessions[0]).toMatchObject({ labels: [], denied: 1 });
  state.isKnown = false;
  sharing.joinAnew();
  await quiet();
  expect(reports.at(-1)?.sessions[0]).toMatchObject({ labels: ["confidential"], denied: 1 });
});

it("is quick to say that nobody answers, keeps what it has to tell, and tells it in a while", async () => {
  const { sharing, book, state, clock, factsOf } = setUp();
  sharing.onHello({ shares_sessions: true });
  state.answer = () => AWAY;
  expect(await sharing.join("s")).toBe(false);
  expect(await sharing.join("s")).toBe(false);
  book.of("s").read(["confidential"]);
  expect(sharing.told(book.of("s"))).toBeUndefined();
  expect(sharing.unsaid()?.sessions).toMatchObject([{ session: "s", labels: ["confidential"] }]);
  state.answer = () => ({ kind: "reply", reply: { sessions: [OTHERS] } });
  await clock.advance(1_000);
  expect(sharing.unsaid()).toBeUndefined();
  expect(sharing.join("s")).toBeUndefined();
  expect(factsOf("s").labels).toEqual(["confidential", "restricted"]);
});

it("sends calls and money once a second, however many there are", async () => {
  const { sharing, book, clock, reports } = setUp();
  sharing.onHello({ shares_sessions: true });
  await sharing.join("s");
  const before = reports.length;
  for (let call = 0; call < 1_000; call += 1) book.of("s").spend(1_000_000n);
  await clock.advance(999);
  expect(reports.length).toBe(before);
  await clock.advance(1);
  expect(reports.slice(before).map(({ sessions }) => sessions[0]?.spent_nano_usd)).toEqual(["1000000000"]);
});

it("does not let a processor that is silent hold a call for long", async () => {
  const { sharing, book, clock, state } = setUp();
  sharing.onHello({ shares_sessions: true });
  const never = Promise.withResolvers<never>();
  state.answer = () => never.promise as never;
  const joining = sharing.join("s");
  book.of("t").read(["confidential"]);
  const telling = sharing.told(book.of("t"));
  await clock.advance(2_000);
  expect([await joining, await telling]).toEqual([false, undefined]);
});
