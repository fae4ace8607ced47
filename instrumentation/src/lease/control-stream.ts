/** The processor's events (server-sent events, `GET /v1/control`), through any number of connections. */
import type { ControlEvent } from "../protocol.ts";
import type { Requester } from "./http-transport.ts";
import type { ControlListener } from "./transport.ts";

const RETRY_MS = [250, 500, 1_000, 2_000, 5_000] as const;
const EVENT_TYPES: ReadonlySet<unknown> = new Set<ControlEvent["type"]>([
  "hello",
  "recall",
  "stops",
  "approval",
  "sessions",
  "governance",
]);
const LINE_MAX_CHARS = 1024 * 1024;

/** Listens until stopped. Its sockets and timers do not hold the process open. */
export function listenToControl(requester: Requester, processId: string, listener: ControlListener): { stop(): void } {
  let failures = 0;
  let isStopped = false;
  let close = (): void => {};
  const retry = (): void => {
    if (isStopped) return;
    const delay = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 0;
    failures += 1;
    setTimeout(connect, delay).unref();
  };
  const connect = (): void => {
    if (isStopped) return;
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      retry();
    };
    const path = `/v1/control?process_id=${encodeURIComponent(processId)}`;
    const request = requester.open({ path, method: "GET" }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        over();
        return;
      }
      failures = 0;
      const events = new EventReader();
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        for (const event of events.read(text)) listener.onEvent(event);
      });
      response.on("close", over);
    });
    request.on("socket", (socket) => socket.unref());
    request.on("error", over);
    close = () => request.destroy();
    request.end();
  };
  connect();
  return {
    stop() {
      isStopped = true;
      close();
    },
  };
}

/** Splits a stream of text into events; what it does not know it leaves out. */
export class EventReader {
  #rest = "";
  #data: string[] = [];

  *read(text: string): Generator<ControlEvent> {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "").slice(-LINE_MAX_CHARS);
    for (const line of lines) {
      if (line !== "") {
        if (line.startsWith("data:")) this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
        continue;
      }
      const event = parse(this.#data.join("\n"));
      this.#data = [];
      if (event !== undefined) yield event;
    }
  }
}

function parse(data: string): ControlEvent | undefined {
  try {
    const event: unknown = JSON.parse(data);
    if (typeof event !== "object" || event === null || !("type" in event)) return undefined;
    return EVENT_TYPES.has(event.type) ? (event as ControlEvent) : undefined;
  } catch {
    return undefined;
  }
}
