/**
 * `GET /v1/control?process_id=…`: what the ledger tells a process without being asked, as server-sent events. Promise: a
 * recall that the ledger makes, and an act that stops somebody, is written at once to the streams that are open. Limits: one stream a process (a new one
 * replaces the old), a bounded number of streams, and a process that does not read is cut off rather than buffered for.
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from "node:http";
import type { ControlEvent, SessionSeen, StopList } from "@tollgate/instrumentation/protocol";
import type { FastifyInstance } from "fastify";
import type { Ledger } from "../budget/ledger.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Access } from "./access.ts";
import { controlQuery } from "./lease-schemas.ts";
import { ApiProblem } from "./problem.ts";
import type { ProcessTable } from "./processes.ts";

const STREAMS_MAX = 4_096;
const UNREAD_BYTES_MAX = 262_144;
const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE = Buffer.from(": keep-alive\n\n");
/** What a client waits before it connects again. */
const RECONNECT_MS = 1_000;

export interface ControlOptions {
  readonly ledger: Ledger;
  readonly processes: ProcessTable;
  readonly access: Access;
  readonly governanceVersion: () => string;
  /** What is killed and paused now. */
  readonly stops: () => StopList;
  /** The acts that a process of that agent may know of: not those on other tenants. */
  readonly actsFor: (agent: string) => StopList;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class ControlStreams {
  readonly #options: ControlOptions;
  readonly #streams = new Map<string, ServerResponse>();
  #unsubscribe: () => void = () => {};
  #cancelKeepAlive: CancelTimer = () => {};

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Processes that listen. */
  processIds(): readonly string[] {
    return [...this.#streams.keys()];
  }

  isListening(processId: string): boolean {
    return this.#streams.has(processId);
  }

  /** Tells every process what is killed and paused now. */
  sendStops(): void {
    // Nearly all get the same list; it becomes bytes once, before the first is written to.
    const frames = new Map<StopList, Buffer>();
    for (const processId of this.#streams.keys()) {
      const stops = this.#stopsFor(processId);
      let frame = frames.get(stops);
      if (frame === undefined) frames.set(stops, (frame = Buffer.from(eventText({ type: "stops", stops }))));
      this.#write(processId, frame);
    }
  }

  /** Tells every process that budgets, policies or prices changed: it says hello again. */
  sendGovernance(): void {
    const text = eventText({ type: "governance", governance_version: this.#options.governanceVersion() });
    const frame = Buffer.from(text);
    for (const processId of this.#streams.keys()) this.#write(processId, frame);
  }

  /** Tells a process what others have seen of a session that it works in. */
  sendSession(processId: string, seen: SessionSeen): void {
    this.#send(processId, { type: "sessions", sessions: [seen] });
  }

  /** Tells a process that a request for approval was answered. */
  sendApproval(processId: string, id: string): void {
    this.#send(processId, { type: "approval", id });
  }

  start(): void {
    this.#unsubscribe = this.#options.ledger.onRecall((processId, leaseIds) => {
      this.#send(processId, { type: "recall", lease_ids: leaseIds });
    });
    this.#cancelKeepAlive = every(this.#options.clock, KEEP_ALIVE_MS, () => {
      for (const processId of this.#streams.keys()) this.#write(processId, KEEP_ALIVE);
    });
  }

  /** Ends all streams: their processes connect again to whoever comes next. */
  stop(): void {
    this.#unsubscribe();
    this.#cancelKeepAlive();
    for (const response of this.#streams.values()) response.end();
    this.#streams.clear();
  }

  addTo(app: FastifyInstance): void {
    app.get("/v1/control", (request, reply) => {
      const caller = this.#options.access.agent(request.headers.authorization);
      const query = controlQuery.safeParse(request.query);
      if (!query.success) throw new ApiProblem("invalid_request", "query.process_id: expected 32 hex digits");
      // Also for a process that a restart forgot: it hears recalls before its next message makes it say hello again.
      this.#options.processes.allowUnknown(query.data.process_id, caller);
      if (this.#streams.size >= STREAMS_MAX) throw new ApiProblem("too_many_streams");
      reply.hijack();
      this.#open(query.data.process_id, reply.raw);
    });
  }

  #open(processId: string, response: ServerResponse): void {
    this.#streams.get(processId)?.end();
    this.#streams.set(processId, response);
    response.on("close", () => {
      if (this.#streams.get(processId) === response) this.#streams.delete(processId);
    });
    response.on("error", () => response.destroy());
    // Ends with its connection. In chunks, each event would wait for the end of the turn, behind whatever else is done in it.
    response.removeHeader("transfer-encoding");
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    this.#send(processId, { type: "hello", governance_version: this.#options.governanceVersion() });
    if (this.#options.stops().revision > 0) this.#send(processId, { type: "stops", stops: this.#stopsFor(processId) });
  }

  #stopsFor(processId: string): StopList {
    const { actsFor, processes } = this.#options;
    return actsFor(processes.agentOf(processId) ?? "");
  }

  #send(processId: string, event: ControlEvent): void {
    this.#write(processId, Buffer.from(eventText(event)));
  }

  #write(processId: string, frame: Buffer): void {
    const response = this.#streams.get(processId);
    if (response === undefined) return;
    if (response.writableLength > UNREAD_BYTES_MAX) {
      this.#streams.delete(processId);
      response.destroy();
      this.#options.telemetry.emit("control_stream_dropped", { process_id: processId });
      return;
    }
    response.write(frame);
  }
}

function eventText(event: ControlEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
