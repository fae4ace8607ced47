/** A spool whose rows are texts: a row's identity is its text, and a block's payload all of them, one after the other. */
import { Spool } from "../../src/pipeline/spool/spool.ts";
import type { SpoolOptions } from "../../src/pipeline/spool/spool-options.ts";
import { SystemClock } from "../../src/support/clock.ts";

/** Opened. By the real clock, for delivery waits by it. */
export async function openTextSpool(
  options: Partial<SpoolOptions<string>> & Pick<SpoolOptions<string>, "directory" | "notify">,
): Promise<Spool<string>> {
  const spool = new Spool<string>({
    bytesMax: 10_000_000,
    waitingRowsMax: 1_000,
    lingerMsMax: 0,
    retryAfterMs: 10,
    recent: { windowMs: 900_000, entriesMax: 10_000 },
    clock: new SystemClock(),
    identify: (row, target) => target.bytes.fill(0).write(row),
    writeRows: (sink, rows) => sink.raw(Buffer.from(rows.join(""))),
    ...options,
  });
  await spool.open();
  return spool;
}
