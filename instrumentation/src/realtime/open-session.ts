/** What sockets of all kinds that are opened to a realtime API have in common. */
import { context } from "@opentelemetry/api";
import { CallContext } from "../gate/call-context.ts";
import { asText } from "../gate/endpoint.ts";
import type { Gate } from "../gate/gate.ts";
import { transcriptionOf } from "../openai/audio.ts";
import { Provider } from "../semconv.ts";
import { serverOf } from "../stainless/patch-client.ts";
import { realtimeResponse } from "./response.ts";
import { RealtimeSession } from "./session.ts";
import type { SessionOptions } from "./session.ts";

const PATH = /\/realtime$/;

/** A session that makes responses or transcribes; `null` for any other socket. */
export function realtimeUrl(address: unknown): URL | null {
  const url = address instanceof URL ? address : URL.parse(asText(address) ?? "");
  return url !== null && PATH.test(url.pathname) ? url : null;
}

export function openSession(
  gate: Gate,
  { url, send, receive }: { readonly url: URL } & Pick<SessionOptions, "send" | "receive">,
): RealtimeSession {
  const provider = url.hostname.endsWith(".azure.com") ? Provider.azureOpenai : Provider.openai;
  return new RealtimeSession({
    gate,
    endpoint: realtimeResponse(provider),
    transcription: transcriptionOf(provider),
    isTranscription: url.searchParams.get("intent") === "transcription",
    model: url.searchParams.get("model") ?? url.searchParams.get("deployment") ?? "",
    server: serverOf(url.origin === "null" ? `https://${url.host}` : url.origin),
    send,
    receive,
  });
}

/** The request that opens the socket is no call: each response is one. */
export function inOpening<T>(open: () => T): T {
  const opening = { isEnded: false, isAnswered: false };
  return context.with(new CallContext(context.active(), { call: opening }), open);
}

/** What an app sends, as text: events may come as bytes. At once, but for a `Blob`, whose bytes nobody has at once. */
export function withText(data: unknown, use: (text: string) => void): void {
  if (data instanceof Blob) void data.text().then(use);
  else use(textOf(data));
}

function textOf(data: unknown): string {
  if (typeof data === "string") return data;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return Buffer.from(data).toString("utf8");
  return Array.isArray(data) ? data.map(textOf).join("") : "";
}
