import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_CONTENT_DROPPED,
  ATTR_TOLLGATE_SESSION_ID,
} from "@tollgate/instrumentation/semconv";
import type { Consumer, Processor } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import type { Notify } from "../../component/notice.ts";
import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import { PassingFlow } from "../../component/passing-flow.ts";
import { FirstText } from "../../pdata/first-text.ts";
import type { LogBatch, LogRecord } from "../../pdata/log-record.ts";
import { Fingerprints } from "./fingerprint.ts";
import { type ReplaceContent, stripContent } from "./strip-content.ts";

export interface RecordStanding {
  readonly agent: string;
  readonly isVerified: boolean;
  /** The name that it claims and its credential is not bound to. */
  readonly foreign: string | undefined;
  /** Why the record is rejected for it; `undefined`: it is taken. */
  readonly refusal: string | undefined;
}

export interface EventsProcessorOptions {
  readonly next: Consumer<LogBatch>;
  /** Whose a record is, as of spans. */
  standingOf(record: LogRecord, sender: string | undefined): RecordStanding;
  /** What stays of content; absent: content is kept. */
  readonly replaceContent?: ReplaceContent;
  /** Takes out what else may not be stored: credentials by their keys, findings of detectors. */
  readonly redact?: (record: LogRecord) => void;
  /** Secret, and the same after a restart: see fingerprint.ts. */
  readonly fingerprintKey: Uint8Array;
  readonly notify: Notify;
}

const session = new FirstText([ATTR_TOLLGATE_SESSION_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID]);

/** What is done to log records: whose they are, what makes each itself, and what may not be kept taken out. It drops none. */
export class EventsProcessor implements Processor<LogBatch> {
  readonly kind = "processor";
  readonly #options: EventsProcessorOptions;
  readonly #flow = new PassingFlow();

  constructor(options: EventsProcessorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  consume(batch: LogBatch): Promise<Outcome> {
    return this.#flow.pass(batch.records.length, async () => ({ outcome: await this.#passOn(batch) }));
  }

  stats(): FlowStats {
    return this.#flow.stats();
  }

  async #passOn(batch: LogBatch): Promise<Outcome> {
    const fingerprints = new Fingerprints(this.#options.fingerprintKey);
    const rejected = new Map<string, number>();
    const records = batch.records.filter((record) => {
      const refusal = this.#process(record, { fingerprints, sender: batch.sender });
      if (refusal !== undefined) rejected.set(refusal, (rejected.get(refusal) ?? 0) + 1);
      return refusal === undefined;
    });
    const outcome = records.length === 0 ? SUCCESS : await this.#options.next.consume({ ...batch, records });
    if (outcome.kind !== "success") return outcome;
    const own = [...rejected].map(([reason, count]) => ({ reason, count }));
    return { kind: "success", rejected: [...outcome.rejected, ...own] };
  }

  /** Returns why the record is rejected, if it is. */
  #process(record: LogRecord, { fingerprints, sender }: RequestContext): string | undefined {
    const { facts, attributes } = record;
    const standing = this.#options.standingOf(record, sender);
    if (standing.refusal !== undefined) return standing.refusal;
    // Before anything is changed: the content that is taken out next is a part of what the record is.
    facts.identity = fingerprints.of(record);
    facts.agent = standing.agent;
    facts.agentVerified = standing.isVerified;
    // What a record says of these itself is a claim.
    attributes.set(ATTR_TOLLGATE_AGENT_VERIFIED, standing.isVerified);
    attributes.delete(ATTR_TOLLGATE_CONTENT_DROPPED);
    if (standing.foreign === undefined) attributes.delete(ATTR_TOLLGATE_AGENT_CLAIMED);
    else attributes.set(ATTR_TOLLGATE_AGENT_CLAIMED, standing.foreign);
    this.#takeOut(record);
    // Last: a session that is hashed in its attribute is hashed here, too.
    facts.session = session.of(record);
    return undefined;
  }

  /** What could not be looked at is not stored. */
  #takeOut(record: LogRecord): void {
    const { replaceContent, redact, notify } = this.#options;
    try {
      const count = replaceContent === undefined ? 0 : stripContent(record, replaceContent);
      if (count > 0) record.attributes.set(ATTR_TOLLGATE_CONTENT_DROPPED, BigInt(count));
      redact?.(record);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notify({ level: "error", event: "log_record_withheld", fields: { reason } });
      record.body = null;
      for (const attributes of [record.attributes, record.resource.attributes, record.scope.attributes]) {
        const keys = [...attributes.keys()];
        for (const key of keys) attributes.delete(key);
      }
    }
  }
}

/** Of one request. */
interface RequestContext {
  readonly fingerprints: Fingerprints;
  readonly sender: string | undefined;
}
