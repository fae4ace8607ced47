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

/** A socket while it is opened. */
export class Opening {
  readonly #context = new CallContext(context.active(), {
    call: { isEnded: false, isAnswered: false, isOpening: true },
  });

  /** The request that opens the socket is no call: each response is one. */
  run<T>(open: () => T): T {
    return context.with(this.#context, open);
  }

  /** It is open, or will not be. The app's listeners go on in this context, and what they send is their own. */
  end(): void {
    this.#context.leave();
  }
}
