import type { SpanBatch } from "../pdata/span.ts";
import type { Outcome } from "./outcome.ts";

/** Anything with a life: started once before the first batch, stopped once after the last. Stop of an unstarted component is a no-op. */
export interface Component {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The one verb between components. The consumer owns the batch afterwards. Never rejects: trouble is an Outcome. */
export interface Consumer<Batch = SpanBatch> {
  consume(batch: Batch): Promise<Outcome>;
}

export interface Receiver extends Component {
  readonly kind: "receiver";
}
export interface Processor<Batch = SpanBatch> extends Component, Consumer<Batch> {
  readonly kind: "processor";
}
export interface Exporter<Batch = SpanBatch> extends Component, Consumer<Batch> {
  readonly kind: "exporter";
}
