/**
 * Answers as streams. chDB's own streaming formats each chunk as a document of its own, so JSON, Parquet or a header line
 * would break; but it runs `INTO OUTFILE` as clickhouse-local does, and the file may be a named pipe. So an answer of any
 * format arrives here while its query runs, and a reader that is slow holds the query back (measured: 1 GB of rows passes
 * with the process's memory where a query without output has it).
 *
 * A pipe is read to its end even if nobody wants the answer any more: the engine would wait for a reader in a system call,
 * where KILL QUERY doesn't reach it. Node can't make pipes; `mkfifo` of POSIX does, once. Where there is none, answers are
 * held in memory.
 */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

/** Where the engine writes one answer. */
export interface AnswerPipe {
  readonly path: string;
  /** Begins to read; to be called before the engine is told to write. */
  open(): Socket;
  /** Says that the engine is done: what is read ends, even if the engine never wrote. */
  close(): void;
}

/** Pipes in `directory`, one for each query that may run at once. */
export class AnswerPipes {
  readonly #free: AnswerPipe[];

  private constructor(pipes: readonly AnswerPipe[]) {
    this.#free = [...pipes];
  }

  /** Undefined where pipes can't be made. */
  static make(directory: string, count: number): AnswerPipes | undefined {
    const paths = Array.from({ length: count }, (_, index) => join(directory, `answer-${index}.pipe`));
    try {
      execFileSync("mkfifo", ["-m", "600", ...paths], { env: { PATH: "/usr/bin:/bin" }, stdio: "ignore" });
    } catch {
      return undefined;
    }
    return new AnswerPipes(paths.map(pipeAt));
  }

  /** A pipe that nobody else has until it is given back; undefined if all are taken. */
  take(): AnswerPipe | undefined {
    return this.#free.pop();
  }

  giveBack(pipe: AnswerPipe): void {
    this.#free.push(pipe);
  }
}

function pipeAt(path: string): AnswerPipe {
  return {
    path,
    open() {
      // Without O_NONBLOCK, opening would wait for a writer.
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: true, writable: false });
    },
    close() {
      try {
        // A writer that comes and goes: readers see an end only after there was one.
        closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
      } catch (error) {
        // ENXIO: nobody reads any more, because the end has been seen.
        if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
      }
    },
  };
}
