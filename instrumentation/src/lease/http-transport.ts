/**
 * The ledger's HTTP face: JSON over kept-alive connections that never hold the process open by themselves. It uses
 * `node:http` and not `globalThis.fetch`, which apps replace and other instrumentations watch; its requests leave no spans.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { withoutTracing } from "../telemetry/without-tracing.ts";
import type { Secret } from "../redaction/secret.ts";
import type { AcquireReply, ApprovalReply, HelloReply, SessionsReply } from "../protocol.ts";
import { listenToControl } from "./control-stream.ts";
import { REFUSED } from "./transport.ts";
import type { Answer, Transport } from "./transport.ts";

// Not imported: the module's namespace would read its lazy members, and load undici for them.
const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");
const { Agent: HttpsAgent, request: httpsRequest } = process.getBuiltinModule("node:https");

const TIMEOUT_MS = 5_000;
const BODY_MAX_BYTES = 16 * 1024 * 1024;
const SOCKETS_MAX = 8;
const DETAIL_MAX = 300;

export interface HttpTransportOptions {
  readonly endpoint: URL;
  readonly apiKey: Secret | undefined;
  /** Sent with every request. */
  readonly headers?: ReadonlyMap<string, Secret>;
}

export interface Exchange {
  readonly path: string;
  readonly method: "GET" | "POST";
  /** Of the body. @default "application/json" */
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

/** Opens requests to one endpoint, with the credential. */
export interface Requester {
  readonly hasKey: boolean;
  open(exchange: Exchange, onResponse: (response: IncomingMessage) => void): ClientRequest;
  stop(): void;
}

export function createHttpTransport(options: HttpTransportOptions): Transport {
  const requester = createRequester(options);
  const post = async <Reply>(path: string, body: unknown, timeoutMs: number): Promise<Answer<Reply>> =>
    withoutTracing(() => exchange<Reply>(requester, { path, method: "POST", body: JSON.stringify(body) }, timeoutMs));
  return {
    hello: (request) => post<HelloReply>("/v1/leases/hello", request, TIMEOUT_MS),
    acquire: (request) => post<AcquireReply>("/v1/leases/acquire", request, request.wait_ms + TIMEOUT_MS),
    close: (request) => post("/v1/leases/close", request, TIMEOUT_MS),
    stopped: (report) => post("/v1/leases/stopped", report, TIMEOUT_MS),
    sessions: (report) => post<SessionsReply>("/v1/leases/sessions", report, TIMEOUT_MS),
    approvals: {
      ask: (request) => post<ApprovalReply>("/v1/approvals", request, TIMEOUT_MS),
      use: (id, request) => post<ApprovalReply>(`/v1/approvals/${encodeURIComponent(id)}/use`, request, TIMEOUT_MS),
    },
    listen: (processId, listener) => withoutTracing(() => listenToControl(requester, processId, listener)),
    stop: () => requester.stop(),
  };
}

export function createRequester({ endpoint, apiKey, headers }: HttpTransportOptions): Requester {
  const isTls = endpoint.protocol === "https:";
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
    : new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const base = endpoint.pathname.replace(/\/+$/, "");
  return {
    hasKey: apiKey !== undefined,
    open({ path, method, type = "application/json", body }, onResponse) {
      const options = {
        method,
        agent,
        path: `${base}${path}${endpoint.search}`,
        host: endpoint.hostname.replace(/^\[|\]$/g, ""),
        port: endpoint.port === "" ? (isTls ? 443 : 80) : Number(endpoint.port),
        headers: {
          accept: method === "GET" ? "text/event-stream" : "application/json",
          ...(body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) }),
          ...Object.fromEntries([...(headers ?? [])].map(([name, value]) => [name, value.reveal()])),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey.reveal()}` }),
        },
      };
      return isTls ? httpsRequest(options, onResponse) : httpRequest(options, onResponse);
    },
    stop: () => agent.destroy(),
  };
}

function exchange<Reply>(requester: Requester, message: Exchange, timeoutMs: number): Promise<Answer<Reply>> {
  const { promise, resolve } = Promise.withResolvers<Answer<Reply>>();
  const request = requester.open(message, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_MAX_BYTES) request.destroy(new Error("answer too large"));
      else chunks.push(chunk);
    });
    response.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      end(read<Reply>({ status: response.statusCode ?? 0, body, hasKey: requester.hasKey }));
    });
    response.on("error", (error) => end({ kind: "unreachable", reason: error.message }));
  });
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  timer.unref();
  const end = (answer: Answer<Reply>): void => {
    clearTimeout(timer);
    resolve(answer);
  };
  request.on("socket", (socket) => socket.unref());
  request.on("error", (error) => end({ kind: "unreachable", reason: describe(error) }));
  request.end(message.body);
  return promise;
}

function describe(error: Error): string {
  return error.message !== "" ? error.message : "code" in error ? String(error.code) : error.name;
}

interface Received {
  readonly status: number;
  readonly body: string;
  /** Whether a key was sent. */
  readonly hasKey: boolean;
}

function read<Reply>({ status, body, hasKey }: Received): Answer<Reply> {
  let json: unknown;
  try {
    json = JSON.parse(body === "" ? "{}" : body);
  } catch {
    const where = "it is another program's: see TOLLGATE_ENDPOINT, and what stands between";
    return { kind: "unreachable", reason: `answer with status ${status} is not JSON; ${where}` };
  }
  if (status >= 200 && status < 300) return { kind: "reply", reply: json as Reply };
  const code = textOf(json, "code");
  if (status === 403 && code === "agent_killed") return { kind: "killed", reason: textOf(json, "detail") };
  if (status === 409 && code === "lease_lost") return { kind: "lease_lost" };
  if (status === 409 && code === "process_unknown") return { kind: "process_unknown" };
  // In the processor's words, which say what to do.
  const detail = textOf(json, "detail").slice(0, DETAIL_MAX).replaceAll(/\s+/g, " ");
  const number = `status ${status}`;
  const reason = detail === "" ? `${number}${code === "" ? "" : ` (${code})`}` : `${detail} (${number})`;
  if (status === 429 || status >= 500) return { kind: "unreachable", reason };
  const advice = adviceFor(status, { said: reason, hasKey });
  return { kind: "rejected", reason: `${REFUSED}${reason}${advice === "" ? "" : `; ${advice}`}` };
}

/** Which settings a refused credential comes from, where the processor has not named them. */
function adviceFor(status: number, { said, hasKey }: { readonly said: string; readonly hasKey: boolean }): string {
  if ((status !== 401 && status !== 403) || said.includes("TOLLGATE_API_KEY")) return "";
  if (!hasKey) return "TOLLGATE_API_KEY is not set";
  return status === 401 ? "it is the key of TOLLGATE_API_KEY" : "see TOLLGATE_API_KEY and TOLLGATE_AGENT";
}

/** A member of a problem document; "" when it is not there. */
function textOf(json: unknown, key: "code" | "detail"): string {
  if (typeof json !== "object" || json === null) return "";
  const value = (json as { readonly [name: string]: unknown })[key];
  return typeof value === "string" ? value : "";
}
