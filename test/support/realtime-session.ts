/** For each test of a file a realtime session: the openai package's own client on `ws`, the gate before it, and a provider of both their events. */
import type { OpenAIRealtimeWS } from "openai/realtime/ws";
import { afterEach, beforeEach, expect } from "vitest";
import { hookFrameworks } from "./framework-rig.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "./gated-process.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import type { RealtimeProvider } from "./realtime-provider.ts";

hookFrameworks();
const { OpenAIRealtimeWS: Realtime } = await import("openai/realtime/ws");
// It is built on `ws` too, which has to be loaded after the hooks are in place.
const { startRealtimeProvider } = await import("./realtime-provider.ts");

export type SentEvent = Parameters<OpenAIRealtimeWS["send"]>[0];
export interface ReceivedEvent {
  readonly type: string;
  readonly error?: { readonly code?: string | null; readonly message?: string };
}

export const USD = 10n ** 9n;
/** Nobody has said how long the conversation is: its 32,000 tokens as sound cost $1.024, so little is left for an answer. */
export const SHORT = 1_100_000_000n;

export const create: SentEvent = { type: "response.create", response: { max_output_tokens: 200 } };
export const sound = (audio: string): SentEvent => ({ type: "input_audio_buffer.append", audio });

interface Parts {
  readonly provider: RealtimeProvider;
  readonly ledger: MemoryLedger;
  readonly gated: GatedProcess;
  /** That the app got, oldest first. */
  readonly events: ReceivedEvent[];
}

export interface RealtimeTalk extends Parts {
  /** Of the last `connect`. */
  readonly session: OpenAIRealtimeWS;
  readonly connect: () => Promise<void>;
  /** Waits for so many events of that type. */
  readonly seen: (type: string, count?: number) => Promise<void>;
  readonly closed: () => Promise<void>;
  /** Of all spans that have ended. */
  readonly attributes: () => readonly Record<string, unknown>[];
}

/** Registers the hooks. */
export function useRealtime(): RealtimeTalk {
  let parts: Parts | undefined;
  let session: OpenAIRealtimeWS | undefined;
  const there = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error("the session has not begun");
    return part;
  };
  beforeEach(async () => {
    const ledger = new MemoryLedger(100n * USD);
    parts = {
      provider: await startRealtimeProvider(),
      ledger,
      gated: startGatedProcess({ transport: ledger }),
      events: [],
    };
  });
  afterEach(async () => {
    session?.close();
    await parts?.gated.stop();
    await parts?.provider.close();
  });
  const seen = async (type: string, count = 1): Promise<void> => {
    const { events } = there(parts);
    await expect.poll(() => events.filter((event) => event.type === type).length).toBe(count);
  };
  return {
    get provider() {
      return there(parts).provider;
    },
    get ledger() {
      return there(parts).ledger;
    },
    get gated() {
      return there(parts).gated;
    },
    get events() {
      return there(parts).events;
    },
    get session() {
      return there(session);
    },
    connect: async () => {
      const { provider, events } = there(parts);
      const options = { rejectUnauthorized: false };
      session = new Realtime({ model: "gpt-realtime", options }, openaiClient(provider.url));
      session.on("event", (event) => events.push(event as ReceivedEvent));
      session.on("error", () => {});
      await seen("session.created");
    },
    seen,
    closed: async () => {
      const { socket } = there(session);
      const ended = new Promise((resolve) => socket.once("close", resolve));
      there(session).close();
      await ended;
    },
    attributes: () =>
      there(parts)
        .gated.spans()
        .map((span) => span.attributes),
  };
}
