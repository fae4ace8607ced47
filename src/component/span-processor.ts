import type { Span, SpanBatch } from "../pdata/span.ts";
import type { Consumer, Processor } from "./component.ts";
import type { FlowStats } from "./flow.ts";
import { type Notify, SILENT } from "./notice.ts";
import { type Rejection, SUCCESS } from "./outcome.ts";
import { type Passage, PassingFlow } from "./passing-flow.ts";

/**
 * What becomes of a span; `undefined` keeps it. `keep` says that a rule meant to drop it, and why it stays. `drop`: it ends here, which its sender takes for success, counted under
 * `reason` (snake_case, one of a few). `reject`: its sender is told why (OTLP partial success) and does not send it again.
 */
export type Verdict =
  | { readonly kind: "keep"; readonly reason: string }
  | { readonly kind: "drop"; readonly reason: string }
  | { readonly kind: "reject"; readonly message: string }
  | undefined;

export interface SpanProcessorOptions {
  /** As in tollgate.yaml; names the processor in notices. */
  readonly type: string;
  readonly next: Consumer;
  /** Reads and fills one span. A throw costs that span this processor's work, never the batch, and keeps the span. */
  process(span: Span, batch: SpanBatch): Verdict | void;
  readonly notify?: Notify;
}

/** A processor, and where its spans are. */
export interface SpanProcessor extends Processor {
  stats(): FlowStats;
}

/**
 * A processor that looks at each span by itself, in place, and passes on what it keeps. When the batch is not taken further
 * down, its sender has all of it still, so that nothing of it counts as dropped until it is.
 */
export function createSpanProcessor(options: SpanProcessorOptions): SpanProcessor {
  const notify = options.notify ?? SILENT;
  const flow = new PassingFlow();
  const keptTotals: Record<string, number> = {};

  function processSpan(span: Span, batch: SpanBatch): Verdict {
    try {
      return options.process(span, batch) ?? undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notify({ level: "error", event: "span_not_processed", fields: { processor: options.type, reason } });
      return undefined;
    }
  }

  function processAll(batch: SpanBatch): Sorted {
    const { spans } = batch;
    const judged = new Judged();
    // Most batches are kept whole: then no second list is made.
    let kept: Span[] | undefined;
    for (let index = 0; index < spans.length; index += 1) {
      const span = spans[index];
      if (span === undefined) continue;
      const verdict = processSpan(span, batch);
      if (verdict === undefined || verdict.kind === "keep") {
        kept?.push(span);
        if (verdict !== undefined) judged.keep(verdict.reason);
      } else {
        kept ??= spans.slice(0, index);
        judged.add(verdict);
      }
    }
    return { batch: kept === undefined ? batch : { ...batch, spans: kept }, judged };
  }

  async function passOn(batch: SpanBatch): Promise<Passage> {
    const { batch: kept, judged } = processAll(batch);
    const isLeft = kept.spans.length > 0 || batch.spans.length === 0;
    const outcome = isLeft ? await options.next.consume(kept) : SUCCESS;
    if (outcome.kind !== "success") return { outcome };
    addAll(keptTotals, judged.kept);
    const { dropped } = judged;
    if (judged.rejected.size === 0) return { outcome, dropped };
    return { outcome: { kind: "success", rejected: [...outcome.rejected, ...judged.rejections()] }, dropped };
  }

  return {
    kind: "processor",
    start: async () => {},
    stop: async () => {},
    consume: (batch) => flow.pass(batch.spans.length, () => passOn(batch)),
    stats: () => ({ ...flow.stats(), kept: { ...keptTotals } }),
  };
}

function addAll(totals: Record<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [reason, count] of counts) totals[reason] = (totals[reason] ?? 0) + count;
}

interface Sorted {
  readonly batch: SpanBatch;
  readonly judged: Judged;
}

/** Different things that one batch is told at most: a message may hold what the sender wrote. */
const MESSAGES_MAX = 16;
const OTHER_MESSAGE = "for other reasons of the same kind";

/** What became of a batch's spans in this processor, but for those that just pass. */
class Judged {
  readonly dropped = new Map<string, number>();
  /** By what the sender is told. */
  readonly rejected = new Map<string, number>();
  readonly kept = new Map<string, number>();

  keep(reason: string): void {
    this.kept.set(reason, (this.kept.get(reason) ?? 0) + 1);
  }

  add(verdict: Exclude<Verdict, undefined | { readonly kind: "keep" }>): void {
    if (verdict.kind === "drop") {
      this.dropped.set(verdict.reason, (this.dropped.get(verdict.reason) ?? 0) + 1);
    } else {
      const isKnown = this.rejected.has(verdict.message) || this.rejected.size < MESSAGES_MAX;
      const message = isKnown ? verdict.message : OTHER_MESSAGE;
      this.rejected.set(message, (this.rejected.get(message) ?? 0) + 1);
    }
  }

  rejections(): Rejection[] {
    return [...this.rejected].map(([reason, count]) => ({ reason, count }));
  }
}
