/** What a session writes down, by its events alone: who pays for what, whatever comes first. */
import { expect, it } from "vitest";
import type { GatedCall } from "../../../../instrumentation/src/gate/gated-call.ts";
import { transcriptionOf } from "../../../../instrumentation/src/openai/audio.ts";
import { Transcription } from "../../../../instrumentation/src/realtime/transcription.ts";

const WRITES = { audio: { input: { transcription: { model: "gpt-4o-transcribe" } } } };
const said = (tokens: number): Record<string, unknown> => ({
  usage: { type: "tokens", input_tokens: tokens, output_tokens: 1, total_tokens: tokens + 1 },
});

/** As a call of the gate: what became of its money. */
class FakeCall {
  readonly model: unknown;
  stopped: Error | undefined;
  charged: number | "as reserved" | undefined;
  isReleased = false;
  isEnded = false;
  isEndedTwice = false;
  admit: () => void = () => {};
  readonly #admitted: Promise<void>;

  constructor(model: unknown, isHeld: boolean) {
    this.model = model;
    this.#admitted = isHeld ? new Promise((resolve) => (this.admit = resolve)) : Promise.resolve();
  }

  begin(): Promise<void> {
    return this.#admitted;
  }

  releaseAttempt(): void {
    this.isReleased = true;
  }

  settleBy(facts: () => { readonly usage?: { readonly input: number } }): void {
    this.charged = facts().usage?.input ?? "as reserved";
  }

  end(error?: Error): void {
    this.isEndedTwice = this.isEnded;
    this.isEnded = true;
    if (error !== undefined && !this.isReleased) this.charged ??= "as reserved";
  }

  get outcome(): unknown {
    if (!this.isEnded || this.isEndedTwice) return this.isEnded ? "ended twice" : "open";
    return this.charged ?? (this.isReleased ? "given back" : "nothing");
  }
}

function session({ isSession = false } = {}): {
  readonly it: Transcription;
  readonly calls: FakeCall[];
  readonly hold: (isHeld: boolean) => void;
  readonly outcomes: () => unknown[];
} {
  const calls: FakeCall[] = [];
  let isHeld = false;
  const start = ({ model }: { readonly model?: unknown }): GatedCall => {
    const call = new FakeCall(model, isHeld);
    calls.push(call);
    return call as unknown as GatedCall;
  };
  const transcription = new Transcription({ endpoint: transcriptionOf("openai"), isSession, start });
  const outcomes = (): unknown[] => calls.map(({ outcome }) => outcome);
  return { it: transcription, calls, hold: (held) => (isHeld = held), outcomes };
}

const done = { isFailed: false };

it("needs money from the wish on, until the provider says without a wish open that it writes nothing down", () => {
  const { it: written } = session();
  expect(written.needsMoney).toBe(false);
  written.asked(WRITES);
  expect(written.needsMoney).toBe(true);
  // Of another wish, or of none.
  written.told({}, { isReply: false });
  expect(written.needsMoney).toBe(true);
  written.told({}, { isReply: true });
  expect(written.needsMoney).toBe(false);
});

it("counts wishes and replies", () => {
  const { it: written } = session();
  written.asked(WRITES);
  written.asked({});
  written.told({}, { isReply: true });
  expect(written.needsMoney).toBe(true);
  written.told({}, { isReply: true });
  expect(written.needsMoney).toBe(false);
  // One reply too many is no wish less.
  written.told({}, { isReply: true });
  written.asked({ input_audio_transcription: { model: "whisper-1" } });
  written.told({}, { isReply: false });
  expect(written.needsMoney).toBe(true);
});

it("arms once for the sound up to the next that is committed, and pays for each by its usage", async () => {
  const { it: written, calls, outcomes } = session();
  written.asked(WRITES);
  await Promise.all([written.arm(), Promise.resolve()]);
  await written.arm();
  expect([calls.length, calls[0]?.model, written.needsMoney]).toEqual([1, "gpt-4o-transcribe", false]);
  written.committed("a");
  expect(written.needsMoney).toBe(true);
  await written.arm();
  written.committed("b");
  written.written("b", said(20), done);
  written.written("a", said(10), done);
  expect(outcomes()).toEqual([10, 20]);
});

it("pays for two utterances of one sound together, and as reserved where one of them has no count", async () => {
  const { it: written, outcomes } = session();
  written.asked(WRITES);
  for (const count of [said(5), {}]) {
    await written.arm();
    written.committed("a");
    written.committed("b");
    written.written("a", count, done);
    expect(outcomes().at(-1)).toBe("open");
    written.written("b", said(7), done);
  }
  expect(outcomes()).toEqual([12, "as reserved"]);
});

it("gives back what could not be written down, and nothing of what was beside it", async () => {
  const { it: written, outcomes } = session();
  written.asked(WRITES);
  await written.arm();
  written.committed("a");
  written.committed("b");
  written.written("a", {}, { isFailed: true });
  written.written("b", said(3), done);
  await written.arm();
  written.committed("c");
  written.written("c", {}, { isFailed: true });
  written.written("unknown", said(3), done);
  expect(outcomes()).toEqual([3, "given back"]);
});

it("arms anew where its call was stopped", async () => {
  const { it: written, calls, outcomes } = session();
  written.asked(WRITES);
  await written.arm();
  (calls[0] as FakeCall).stopped = new Error("killed");
  expect(written.needsMoney).toBe(true);
  await written.arm();
  expect(outcomes()).toEqual(["given back", "open"]);
});

it.each([
  ["was spoken", true, "as reserved"],
  ["was silent", false, "given back"],
])("ends with the session where it %s", async (_what, wasSpoken, outcome) => {
  const { it: written, outcomes } = session({ isSession: true });
  expect(written.needsMoney).toBe(true);
  await written.arm();
  if (wasSpoken) written.spoken();
  written.closed();
  expect(outcomes()).toEqual([outcome]);
});

it("knows of no speech behind what is committed", async () => {
  const { it: written, outcomes } = session({ isSession: true });
  await written.arm();
  written.spoken();
  written.committed("a");
  await written.arm();
  written.closed();
  expect(outcomes()).toEqual(["as reserved", "given back"]);
});

it("gives back what was admitted for sound that did not go any more", async () => {
  const { it: written, calls, hold, outcomes } = session({ isSession: true });
  hold(true);
  const armed = written.arm();
  written.closed();
  calls[0]?.admit();
  await armed;
  expect(outcomes()).toEqual(["given back"]);
});

it.each([
  ["counts as reserved", false, "as reserved"],
  ["counts by its usage", true, 4],
])(
  "%s what is being written down though its call is only being admitted as the session ends",
  async (_what, isTold, outcome) => {
    const { it: written, calls, hold, outcomes } = session({ isSession: true });
    hold(true);
    written.committed("a");
    if (isTold) written.written("a", said(4), done);
    written.closed();
    calls[0]?.admit();
    await new Promise((resolve) => setImmediate(resolve));
    expect(outcomes()).toEqual([outcome]);
  },
);
