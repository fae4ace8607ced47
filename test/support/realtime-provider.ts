/**
 * The realtime API as far as the gate can tell: a session with voice detection, responses on demand and by itself, errors by event.
 * Each response costs what its usage says; the provider keeps its own books.
 */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { createAuthority } from "./certificates.ts";

type Event = Readonly<Record<string, unknown>>;

/** gpt-realtime, per million: $4 text in, $32 sound in, $0.40 cached, $16 text out, $64 sound out. */
export const USAGE = {
  total_tokens: 300,
  input_tokens: 200,
  output_tokens: 100,
  input_token_details: {
    text_tokens: 100,
    audio_tokens: 100,
    image_tokens: 0,
    cached_tokens: 60,
    cached_tokens_details: { text_tokens: 20, audio_tokens: 40, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 20, audio_tokens: 80 },
};
export const COST_NANO_USD = 80n * 4_000n + 20n * 400n + 60n * 32_000n + 40n * 400n + 20n * 16_000n + 80n * 64_000n;

/** gpt-4o-transcribe, per million: $6 sound in, $10 text out. */
export const TRANSCRIPT = {
  type: "tokens",
  total_tokens: 40,
  input_tokens: 30,
  output_tokens: 10,
  input_token_details: { text_tokens: 0, audio_tokens: 30 },
};
export const TRANSCRIPT_NANO_USD = 30n * 6_000n + 10n * 10_000n;

export interface RealtimeProvider {
  readonly url: string;
  /** What the app has sent. */
  readonly received: Event[];
  /** Responses that were begun. */
  readonly responses: number;
  /** Whether a response goes on until it is cancelled. */
  talksOn: boolean;
  /** What a response has beside its sound: calls of functions. */
  items: readonly Event[];
  /** What its end says otherwise than that all went well. */
  ends: Event;
  /** What is said of an utterance's transcription; `undefined`: it is still being written down. */
  transcribed: Event | undefined;
  /** What the provider says to `response.create` instead of answering. */
  refusal: string | undefined;
  /** Events that nobody asked for, to every session. */
  say(event: Event): void;
  hangUp(): void;
  close(): Promise<void>;
}

export async function startRealtimeProvider(): Promise<RealtimeProvider> {
  const server = createServer(createAuthority("realtime").issue("localhost"));
  const sockets = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const received: Event[] = [];
  let responses = 0;
  const provider: RealtimeProvider = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get responses() {
      return responses;
    },
    talksOn: false,
    items: [],
    ends: {},
    refusal: undefined,
    transcribed: { type: "conversation.item.input_audio_transcription.completed", usage: TRANSCRIPT },
    say: (event) => sockets.clients.forEach((socket) => socket.send(JSON.stringify(event))),
    hangUp: () => sockets.clients.forEach((socket) => socket.close()),
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => sockets.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const answer = (send: (event: Event) => void): void => {
    responses += 1;
    const response = { id: `resp_${responses}`, object: "realtime.response", status: "in_progress", usage: null };
    send({ type: "response.created", response });
    send({ type: "response.output_audio.delta", response_id: response.id, delta: "AAAA" });
    for (const [at, item] of provider.items.entries()) {
      send({ type: "response.output_item.done", response_id: response.id, output_index: at, item });
    }
    const output = provider.items;
    if (!provider.talksOn)
      send({
        type: "response.done",
        response: { ...response, status: "completed", output, usage: USAGE, ...provider.ends },
      });
  };
  let items = 0;
  /** "end" stands for the silence after what was said, "ends" for that of two utterances. */
  const hear = (audio: unknown, send: (event: Event) => void): void => {
    for (let said = audio === "ends" ? 2 : audio === "end" ? 1 : 0; said > 0; said -= 1) {
      items += 1;
      send({ type: "input_audio_buffer.speech_started" });
      send({ type: "input_audio_buffer.committed", item_id: `item_${items}` });
    }
  };
  const writeDown = (send: (event: Event) => void): void => {
    if (provider.transcribed === undefined) return;
    for (; written < items; written += 1) send({ ...provider.transcribed, item_id: `item_${written + 1}` });
  };
  let written = 0;
  sockets.on("connection", (socket: WebSocket, { url = "" }) => {
    const send = (event: Event): void => socket.send(JSON.stringify(event));
    let session: Event = {
      type: "realtime",
      model: "gpt-realtime",
      audio: { input: { turn_detection: { type: "server_vad", create_response: true } } },
    };
    if (url.includes("intent=transcription")) session = { type: "transcription", audio: { input: {} } };
    send({ type: "session.created", session });
    socket.on("message", (data: Buffer) => {
      const event = JSON.parse(data.toString("utf8")) as Event;
      received.push(event);
      switch (event["type"]) {
        case "session.update":
          session = { ...session, ...(event["session"] as Event) };
          send({ type: "session.updated", session });
          break;
        case "response.create":
          if (provider.refusal === undefined) answer(send);
          else send({ type: "error", error: { code: provider.refusal, message: "no", event_id: event["event_id"] } });
          break;
        case "response.cancel":
          send({
            type: "response.done",
            response: { id: event["response_id"], status: "cancelled", output: provider.items, usage: USAGE },
          });
          break;
        case "input_audio_buffer.append":
          hear(event["audio"], send);
          if (event["audio"] === "end" && inputOf(session).turn_detection) answer(send);
          if (inputOf(session).transcription !== undefined) writeDown(send);
          break;
        default:
          break;
      }
    });
  });
  return provider;
}

interface Input {
  readonly turn_detection?: object | null;
  readonly transcription?: object;
}

function inputOf(session: Event): Input {
  return (session as { readonly audio?: { readonly input?: Input } }).audio?.input ?? {};
}
