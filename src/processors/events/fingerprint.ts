/**
 * What makes a log record the same record when it is sent again. OTLP gives records no id, and promises that senders may send a
 * batch twice, so it is made of everything that the sender said: 24 bytes of an HMAC over the record as it came, content
 * included. Keyed, because what was said must not be guessed from the id of a record whose content was dropped.
 *
 * Records of one request that are the same in every field are told apart by their place among them: all of them are
 * kept, and all of them are known again. Identical records in different requests (same nanosecond, same everything) are
 * taken for one that was sent twice.
 */
import { createHmac } from "node:crypto";
import type { LogRecord } from "../../pdata/log-record.ts";
import type { Attributes } from "../../pdata/span.ts";

const FINGERPRINT_BYTES = 24;
const PLACE_OFFSET = FINGERPRINT_BYTES - 4;

/** Makes the identities of the records of one request, in their order. */
export class Fingerprints {
  readonly #key: Uint8Array;
  readonly #places = new Map<string, number>();
  readonly #texts = new WeakMap<object, string>();

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  of(record: LogRecord): Buffer {
    const digest = createHmac("sha256", this.#key).update(this.#text(record)).digest();
    const identity = digest.subarray(0, FINGERPRINT_BYTES);
    const same = identity.toString("latin1");
    const place = this.#places.get(same) ?? 0;
    this.#places.set(same, place + 1);
    identity.writeUInt32LE((identity.readUInt32LE(PLACE_OFFSET) + place) >>> 0, PLACE_OFFSET);
    return identity;
  }

  #text(record: LogRecord): string {
    const { timeUnixNano, observedUnixNano, severityNumber, severityText, eventName, body, traceId, spanId } = record;
    const own = [timeUnixNano, observedUnixNano, severityNumber, severityText, eventName, body, traceId, spanId];
    const shared = this.#once(record.resource, record.resource.attributes) + this.#scopeText(record);
    return `${shared}${canonical(own)}${canonical(entriesOf(record.attributes))}`;
  }

  #scopeText({ scope }: LogRecord): string {
    return `${canonical([scope.name, scope.version])}${this.#once(scope, scope.attributes)}`;
  }

  /** Resources and scopes are shared by many records: each is written down once. */
  #once(owner: object, attributes: Attributes): string {
    let text = this.#texts.get(owner);
    if (text === undefined) {
      text = canonical(entriesOf(attributes));
      this.#texts.set(owner, text);
    }
    return text;
  }
}

/** In the order of their keys: what lies between sender and us may change it. */
function entriesOf(attributes: Attributes): readonly (readonly [string, unknown])[] {
  return [...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "bigint") return { int: item.toString() };
    if (item instanceof Uint8Array) return { bytes: Buffer.from(item).toString("base64") };
    return item;
  });
}
