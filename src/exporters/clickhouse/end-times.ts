import { endUnixMs } from "../../pdata/span-times.ts";
import type { SpanRow } from "./span-columns.ts";

/** When inference spans ended, with the moment something became true of them: what a lag histogram is made of. */
export interface SpanLags {
  readonly endUnixMs: Float64Array;
  readonly nowUnixMs: number;
}

/** So many end times are kept at most: while ClickHouse is away for long, those of the newest blocks are not known. */
const TIMES_MAX = 500_000;

/** The ends of the inference spans of blocks that wait, by the block's token. Not of blocks that an earlier process wrote. */
export class EndTimes {
  readonly #byToken = new Map<string, Float64Array>();
  #size = 0;

  keep(token: string, rows: readonly SpanRow[]): void {
    const ends = new Float64Array(rows.length);
    let calls = 0;
    for (const { span } of rows) if (span.facts.costStatus !== "") ends[calls++] = endUnixMs(span);
    if (calls === 0 || this.#size + calls > TIMES_MAX) return;
    this.#byToken.set(token, ends.slice(0, calls));
    this.#size += calls;
  }

  of(token: string): Float64Array | undefined {
    return this.#byToken.get(token);
  }

  forget(token: string): void {
    this.#size -= this.#byToken.get(token)?.length ?? 0;
    this.#byToken.delete(token);
  }
}
