import { setTimeout, clearTimeout } from "node:timers";
import type { Config } from "../config/config.ts";
import { createRequester } from "../lease/http-transport.ts";
import { OTLP_TYPE } from "./span-protobuf.ts";
import type { SendBody, SendOutcome } from "./span-spool.ts";
import { withoutTracing } from "./without-tracing.ts";

/** Sends OTLP bodies to where the spans of this process go. Never rejects, and never holds the process open. */
export function createSendSpans(config: Pick<Config, "tracesUrl" | "tracesHeaders" | "exportTimeoutMs">): SendBody {
  const endpoint = URL.parse(config.tracesUrl);
  if (endpoint === null) return () => Promise.resolve("later");
  const requester = createRequester({ endpoint, apiKey: undefined, headers: config.tracesHeaders });
  return (body) =>
    withoutTracing(() => {
      const { promise, resolve } = Promise.withResolvers<SendOutcome>();
      const request = requester.open({ path: "", method: "POST", type: OTLP_TYPE, body }, (response) => {
        const outcome = outcomeOf(response.statusCode ?? 0);
        response.on("end", () => end(outcome));
        response.on("error", () => end("later"));
        response.resume();
      });
      const timer = setTimeout(() => request.destroy(), config.exportTimeoutMs);
      timer.unref();
      const end = (outcome: SendOutcome): void => {
        clearTimeout(timer);
        resolve(outcome);
      };
      request.on("socket", (socket) => socket.unref());
      request.on("error", () => end("later"));
      request.on("close", () => end("later"));
      request.end(body);
      return promise;
    });
}

/** What is wrong with the body stays wrong; a missing key or a full receiver can be put right. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 415, 422]);

function outcomeOf(status: number): SendOutcome {
  if (status >= 200 && status < 300) return "taken";
  return REFUSED.has(status) ? "refused" : "later";
}
