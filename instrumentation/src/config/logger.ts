/**
 * The instrumentation's own log: lines on standard error, `[tollgate] level: text`. Never prompts, tool arguments or
 * secrets. It writes to the stream and not to `console`, which apps patch.
 */

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  log(level: LogLevel, text: string): void;
  /** Says a thing once in the life of the process, however often it happens. */
  once(level: LogLevel, key: string, text: string): void;
}

/** Lines of one kind (what stands before the colon of their key): models and tools are named by others, who may make up any number. */
const SAID_OF_KIND_MAX = 256;

/** A logger that writes to `write` what is at `level` or above. */
export function createLogger(level: LogLevel, write: (line: string) => void = writeToStderr): Logger {
  const most = LOG_LEVELS.indexOf(level);
  const said = new Map<string, Set<string>>();
  const log = (lineLevel: LogLevel, text: string): void => {
    if (LOG_LEVELS.indexOf(lineLevel) <= most) write(`[tollgate] ${lineLevel}: ${oneLine(text)}\n`);
  };
  return {
    log,
    once(lineLevel, key, text) {
      const kind = key.split(":", 1)[0] ?? key;
      let keys = said.get(kind);
      if (keys === undefined) said.set(kind, (keys = new Set()));
      if (keys.has(key) || keys.size >= SAID_OF_KIND_MAX) return;
      keys.add(key);
      log(lineLevel, keys.size < SAID_OF_KIND_MAX ? text : `${text} (more of this kind are not said)`);
    },
  };
}

/** What a model or a server has named must neither move a person's cursor nor look like a line of ours. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu, (char) => {
    return `\\u{${char.charCodeAt(0).toString(16)}}`;
  });
}

let writing = 0;
const ignore = (): void => {};

/**
 * Where nobody reads on, or a disk is full, the stream tells of the error by an event, which ends an app that has no
 * listener for it - an app that may never have written a line itself. So there is one for as long as a line of ours is on
 * its way, and not longer: what becomes of the app's own lines is the app's affair.
 */
function writeToStderr(line: string): void {
  const { stderr } = process;
  if (writing === 0) stderr.on("error", ignore);
  writing += 1;
  // The event comes a few ticks after this.
  stderr.write(line, () => void setImmediate(written));
}

function written(): void {
  writing -= 1;
  if (writing === 0) process.stderr.off("error", ignore);
}
