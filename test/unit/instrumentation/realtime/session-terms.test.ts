import { expect, it } from "vitest";
import { SessionTerms } from "../../../../instrumentation/src/realtime/session-terms.ts";

const SILENT = { audio: { input: { turn_detection: null } } };
const terms = (isTranscription = false): SessionTerms => new SessionTerms({ model: "gpt-realtime", isTranscription });

it("knows the model by the session's address until the session says it", () => {
  const told = terms();
  expect(told.latest).toEqual({ model: "gpt-realtime" });
  told.told({ model: "gpt-realtime-mini" }, { isReply: false });
  expect([told.latest, told.widest]).toEqual([{ model: "gpt-realtime-mini" }, { model: "gpt-realtime-mini" }]);
});

it("believes no wish for another model", () => {
  const told = terms();
  told.asked({ model: "gpt-realtime-mini" });
  expect([told.latest, told.widest]).toEqual([{ model: "gpt-realtime" }, { model: "gpt-realtime" }]);
});

it.each(["max_output_tokens", "max_response_output_tokens"])(
  "takes %s of the last wish for what is asked for, and the largest of all for what comes by itself",
  (key) => {
    const told = terms();
    told.told({ [key]: 100 }, { isReply: false });
    told.asked({ [key]: 300 });
    told.asked({ [key]: 200 });
    expect([told.latest[key], told.widest[key]]).toEqual([200, 300]);
    told.told({ [key]: 300 }, { isReply: true });
    expect([told.latest[key], told.widest[key]]).toEqual([200, 300]);
    told.told({ [key]: 200 }, { isReply: true });
    expect([told.latest[key], told.widest[key]]).toEqual([200, 200]);
    told.asked({ [key]: "inf" });
    expect(told.widest[key]).toBe("inf");
  },
);

it("takes a session that is told of without being asked for as no reply", () => {
  const told = terms();
  told.asked({ max_output_tokens: 9 });
  told.told({ max_output_tokens: 5 }, { isReply: false });
  expect([told.latest["max_output_tokens"], told.widest["max_output_tokens"]]).toEqual([9, 9]);
});

it.each([
  [{}, true],
  [SILENT, false],
  [{ audio: { input: {} } }, true],
  [{ audio: { input: { turn_detection: { create_response: false } } } }, false],
  [{ audio: { input: { turn_detection: { type: "server_vad" } } } }, true],
  [{ turn_detection: null }, false],
  [{ turn_detection: { create_response: true } }, true],
  [{ type: "transcription" }, false],
])("a session %j answers by itself: %s", (session, answers) => {
  const told = terms();
  told.told(session, { isReply: false });
  expect(told.answersByItself).toBe(answers);
});

it("may answer by itself as soon as that was asked for, and until it is told that it does not", () => {
  const told = terms();
  told.told(SILENT, { isReply: false });
  told.asked({ audio: { input: { turn_detection: { type: "server_vad" } } } });
  expect(told.answersByItself).toBe(true);
  told.told({}, { isReply: true });
  told.asked(SILENT);
  expect(told.answersByItself).toBe(true);
  told.told(SILENT, { isReply: true });
  expect(told.answersByItself).toBe(false);
});

it("leaves as it is what a wish does not name", () => {
  const told = terms();
  told.told({ ...SILENT, max_output_tokens: 7 }, { isReply: false });
  told.asked({ audio: { input: { transcription: { model: "gpt-4o-transcribe" } } } });
  told.asked({ audio: { output: { voice: "marin" } } });
  told.asked({ instructions: "be short" });
  expect([told.answersByItself, told.latest["max_output_tokens"]]).toEqual([false, 7]);
});

it("answers nothing where its address says that it transcribes", () => {
  expect(terms(true).answersByItself).toBe(false);
});

it("remembers the last wishes only, where nobody ever replies", () => {
  const told = terms();
  for (let wish = 40; wish > 0; wish -= 1) told.asked({ max_output_tokens: wish });
  told.told({ max_output_tokens: 1 }, { isReply: false });
  expect(told.widest["max_output_tokens"]).toBe(16);
});
