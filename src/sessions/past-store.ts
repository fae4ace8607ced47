/** How far agents went, there for their next process: support/growing-store.ts. */
import type { PastSeen } from "@tollgate/instrumentation/protocol";
import { type GrowingRules, GrowingStore, type GrowingStoreOptions } from "../support/growing-store.ts";
import { nothingOf, pastIdOf, type PastReport, type PastRow, withPast } from "./past-row.ts";

/** A row without its lists; an entry of one. */
const ROW_BYTES = 600;
const LABEL_BYTES = 100;
const KNOWN_BYTES = 60;
const TOOL_BYTES = 200;

const RULES: GrowingRules<PastRow, PastReport> = {
  idOf: ({ tenant, past }) => pastIdOf({ tenant, agent: past.agent }),
  grown: withPast,
  sizeOf: ({ past }) =>
    ROW_BYTES +
    past.labels.length * LABEL_BYTES +
    past.known.length * KNOWN_BYTES +
    Object.keys(past.tools).length * TOOL_BYTES,
  isPlain: ({ past }) => !past.has_acted,
  // An agent that does what it always did changes nothing here, for years.
  keepMs: Number.POSITIVE_INFINITY,
};

export class PastStore extends GrowingStore<PastRow, PastReport> {
  constructor(options: GrowingStoreOptions<PastRow>) {
    super(options, RULES);
  }

  /** Takes what a process tells of an agent; resolves to what all have told, once that is kept. Rejects when it can't be. */
  async tell(report: PastReport): Promise<PastSeen> {
    const isNothing = withPast(undefined, { ...report, atMs: 0 }) === undefined;
    const { tenant, past } = report;
    return isNothing ? this.of({ tenant, agent: past.agent }) : (await this.report(report)).past;
  }

  /** Of an agent that may have been forgotten, everything is new: it is not taken to begin. */
  of(agent: { readonly tenant: string; readonly agent: string }): PastSeen {
    return this.get(pastIdOf(agent))?.past ?? { ...nothingOf(agent.agent), has_acted: this.isFull };
  }
}
