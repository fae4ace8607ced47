/** Tells a stream of events by how it begins, where the answer does not say that it is one. */

const FIELDS = ["data:", "event:", "id:", "retry:", ":"];
/** Of what may stand before the first field. */
const BLANK = /^(?:\u00ef\u00bb\u00bf)?[\r\n]*/;
const ENOUGH_BYTES = 32;

/**
 * `undefined`: too little to tell. A comment is a field without a name.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function beginsLikeEvents(bytes: Uint8Array): boolean | undefined {
  const start = Buffer.from(bytes.subarray(0, ENOUGH_BYTES)).toString("latin1").replace(BLANK, "");
  if (FIELDS.some((field) => start.startsWith(field))) return true;
  const mayBe = bytes.length < ENOUGH_BYTES && FIELDS.some((field) => field.startsWith(start));
  return mayBe ? undefined : false;
}
