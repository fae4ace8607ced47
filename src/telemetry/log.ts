/**
 * Log lines on stderr: for people (`console`) or for machines (`json`, one object a line). Lines never hold prompts, tool
 * contents or secrets; values are cut at `FIELD_CHARS_MAX` so that a hostile sender cannot fill a disk with one field.
 */
import { printable, printableJson } from "../support/printable.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

export type LogFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

export interface LogOptions {
  /** The least level that is written. @default "info" */
  readonly level?: LogLevel;
  /** @default "console" */
  readonly encoding?: "console" | "json";
  /** Takes a line with its newline; `false` says that it was not taken. @default stderr, of which 1 MiB may wait */
  readonly write?: (line: string) => unknown;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

const RANK: Readonly<Record<LogLevel, number>> = { error: 3, warn: 2, info: 1, debug: 0 };
const FIELD_CHARS_MAX = 1_000;

/** What may wait for a reader of the log that stands still. A pipe holds 64 KiB by itself. */
const WAITING_BYTES_MAX = 1_048_576;

export class Log {
  readonly #rankMin: number;
  readonly #encoding: "console" | "json";
  readonly #write: (line: string) => unknown;
  readonly #now: () => number;
  #untaken = 0;

  constructor(options: LogOptions = {}) {
    this.#rankMin = RANK[options.level ?? "info"];
    this.#encoding = options.encoding ?? "console";
    this.#write = options.write ?? toStderr;
    this.#now = options.now ?? Date.now;
  }

  /** One line. `event` is stable and snake_case; `message` is for people and defaults to the event in words. */
  line(level: LogLevel, event: string, fields: LogFields = {}, message: string = event.replaceAll("_", " ")): void {
    if (RANK[level] < this.#rankMin) return;
    if (this.#untaken > 0) {
      const lines = this.#untaken;
      const said = this.#text("warn", "log_lines_lost", { lines }, "log lines were lost, nobody read them");
      if (this.#write(said) === false) {
        this.#untaken += 1;
        return;
      }
      this.#untaken = 0;
    }
    if (this.#write(this.#text(level, event, fields, message)) === false) this.#untaken += 1;
  }

  #text(level: LogLevel, event: string, fields: LogFields, message: string): string {
    const time = new Date(this.#now()).toISOString();
    const shown = Object.entries(fields).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, cut(value)] as const],
    );
    if (this.#encoding === "json") {
      return `${printableJson(JSON.stringify({ time, level, event, message, ...Object.fromEntries(shown) }))}\n`;
    }
    const tail = shown.map(([key, value]) => ` ${key}=${quote(value)}`).join("");
    return `${time.slice(11, 23)} ${level.padEnd(5)} ${printable(message)}${tail}\n`;
  }
}

function toStderr(line: string): boolean {
  if (process.stderr.writableLength > WAITING_BYTES_MAX) return false;
  process.stderr.write(line);
  return true;
}

function cut(value: string | number | boolean | bigint): string | number | boolean {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string" && value.length > FIELD_CHARS_MAX) return `${value.slice(0, FIELD_CHARS_MAX)}…`;
  return value;
}

function quote(value: string | number | boolean): string {
  return typeof value === "string" && !/^[\w./:@+-]+$/.test(value)
    ? printableJson(JSON.stringify(value))
    : String(value);
}
