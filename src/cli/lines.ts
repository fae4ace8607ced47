import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { errorText } from "../telemetry/error-text.ts";
import { CliError, EXIT } from "./exit.ts";
import type { Processor } from "./processor.ts";

export interface LinesQuestion {
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

/** Takes a long answer line by line as it comes, and tells how many there were. Throws `CliError`. */
export async function eachLine<Line>(
  processor: Processor,
  { path, query }: LinesQuestion,
  take: (line: Line) => void,
): Promise<number> {
  const body = await processor.stream(path, query);
  let lines = 0;
  try {
    const input = Readable.fromWeb(body as ReadableStream<Uint8Array>);
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (line === "") continue;
      lines += 1;
      take(JSON.parse(line) as Line);
    }
  } catch (error) {
    throw new CliError(EXIT.unreachable, `${path} ended early: ${errorText(error)}`);
  }
  return lines;
}
