import type { Span, SpanBatch } from "../pdata/span.ts";
import type { Consumer, Processor } from "./component.ts";
import type { FlowStats } from "./flow.ts";
import { type Notify, SILENT } from "./notice.ts";
import type { Outcome } from "./outcome.ts";

export interface SpanProcessorOptions {
  /** As in tollgate.yaml; names the processor in notices. */
  readonly type: string;
  readonly next: Consumer;
  /** Reads and fills one span. A throw costs that span this processor's work, never the batch. */
  process(span: Span, batch: SpanBatch): void;
  readonly notify?: Notify;
}

/** A processor, and where its spans are: what they add is in the spans, so it never drops one. */
export interface SpanProcessor extends Processor {
  stats(): FlowStats;
}

/** A processor that looks at each span by itself, in place, and passes the batch on. */
export function createSpanProcessor(options: SpanProcessorOptions): SpanProcessor {
  const notify = options.notify ?? SILENT;
  const counts = { received: 0, stored: 0, refused: 0, inFlight: 0 };

  function processSpan(span: Span, batch: SpanBatch): void {
    try {
      options.process(span, batch);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notify({ level: "error", event: "span_not_processed", fields: { processor: options.type, reason } });
    }
  }

  async function consume(batch: SpanBatch): Promise<Outcome> {
    counts.received += batch.spans.length;
    counts.inFlight += batch.spans.length;
    for (const span of batch.spans) processSpan(span, batch);
    const outcome = await options.next.consume(batch);
    counts.inFlight -= batch.spans.length;
    counts[outcome.kind === "success" ? "stored" : "refused"] += batch.spans.length;
    return outcome;
  }

  return {
    kind: "processor",
    start: async () => {},
    stop: async () => {},
    consume,
    stats: () => ({ ...counts, recovered: 0, dropped: {} }),
  };
}
