import { collectDefaultMetrics, Counter, Registry } from "prom-client";
import { type EventName, EVENTS } from "./events.ts";
import { Log, type LogFields, type LogLevel, type LogOptions } from "./log.ts";
import { Measures } from "./measures.ts";

/** A named event that a component announces; see src/component/notice.ts. */
export interface Announcement {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** The service's own voice: each event is one log line and its count, and `/metrics` reads `registry`. */
export class Telemetry {
  readonly registry = new Registry();
  readonly log: Log;
  readonly measures = new Measures({ monotonic: () => performance.now() });
  readonly #events: Counter<"event" | "level">;

  constructor(options: LogOptions = {}) {
    this.log = new Log(options);
    this.#events = new Counter({
      name: "tollgate_events_total",
      help: "Named events, each of which is also a log line.",
      labelNames: ["event", "level"],
      registers: [this.registry],
    });
  }

  /** Adds the metrics of the Node process itself. Once per process. */
  collectProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  emit(event: EventName, fields: LogFields = {}): void {
    const { level, message } = EVENTS[event];
    this.#events.inc({ event, level });
    this.log.line(level, event, fields, message);
  }

  /** An event that a component names itself. */
  announce(announcement: Announcement): void {
    this.#events.inc({ event: announcement.event, level: announcement.level });
    this.log.line(announcement.level, announcement.event, announcement.fields);
  }
}
