import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_CONTENT_DROPPED,
  ATTR_TOLLGATE_SESSION_ID,
} from "@tollgate/instrumentation/semconv";
import type { Consumer, Processor } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import { claimedAgent } from "../../pdata/agent-name.ts";
import { firstText } from "../../pdata/attribute-read.ts";
import type { LogBatch, LogRecord } from "../../pdata/log-record.ts";
import { Fingerprints } from "./fingerprint.ts";
import { type ReplaceContent, stripContent } from "./strip-content.ts";

export interface EventsProcessorOptions {
  readonly next: Consumer<LogBatch>;
  /** Whether the credential that `sender` showed is good for `agent`. */
  mayActAs(sender: string, agent: string): boolean;
  /** What stays of content; absent: content is kept. */
  readonly replaceContent?: ReplaceContent;
  /** Takes out what else may not be stored: credentials by their keys, findings of detectors. */
  readonly redact?: (record: LogRecord) => void;
  /** Secret, and the same after a restart: see fingerprint.ts. */
  readonly fingerprintKey: Uint8Array;
  readonly notify: Notify;
}

const SESSION_KEYS = [ATTR_TOLLGATE_SESSION_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID] as const;

/** What is done to log records: whose they are, what makes each itself, and content that may not be kept. It never drops one. */
export class EventsProcessor implements Processor<LogBatch> {
  readonly kind = "processor";
  readonly #options: EventsProcessorOptions;
  readonly #counts = { received: 0, stored: 0, refused: 0, inFlight: 0 };

  constructor(options: EventsProcessorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async consume(batch: LogBatch): Promise<Outcome> {
    const count = batch.records.length;
    this.#counts.received += count;
    this.#counts.inFlight += count;
    const fingerprints = new Fingerprints(this.#options.fingerprintKey);
    for (const record of batch.records) {
      // First: the content that is taken out next is a part of what the record is.
      record.facts.identity = fingerprints.of(record);
      this.#identify(record, batch.sender);
      this.#takeOut(record);
      // Last: a session that is hashed in its attribute is hashed here, too.
      record.facts.session = firstText(record, SESSION_KEYS);
    }
    const outcome = await this.#options.next.consume(batch);
    this.#counts.inFlight -= count;
    this.#counts[outcome.kind === "success" ? "stored" : "refused"] += count;
    return outcome;
  }

  stats(): FlowStats {
    return { ...this.#counts, recovered: 0, dropped: {} };
  }

  /** As of a span: a claim in an attribute is never verified, the sender's credential makes it so. */
  #identify(record: LogRecord, sender: string | undefined): void {
    const { facts, attributes } = record;
    facts.agent = claimedAgent(record);
    facts.agentVerified = sender !== undefined && this.#options.mayActAs(sender, facts.agent);
    attributes.set(ATTR_TOLLGATE_AGENT_VERIFIED, facts.agentVerified);
    attributes.delete(ATTR_TOLLGATE_CONTENT_DROPPED);
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
