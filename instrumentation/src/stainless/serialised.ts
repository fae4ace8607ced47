/**
 * A body as `JSON.stringify` has it: own members, each read once, as they tell themselves. What is reserved and what is sent are both made
 * of this copy, so that a getter, an object that tells itself as JSON, or a boxed number can't mean one thing here and another there.
 * Only the top is copied: nothing below it counts answers, bounds them, or has a price of its own.
 */
interface RawJson {
  readonly rawJSON: string;
}

/** Not in the oldest Node that is supported, nor in the types. */
const { isRawJSON } = JSON as { readonly isRawJSON?: (value: unknown) => value is RawJson };

/** What a server will read: what the app has written itself, as bytes or text, may be JSON. Throws what the body throws. */
export function asReceived(body: unknown): unknown {
  const written = writtenIn(body);
  return written === undefined ? asSerialised(body) : jsonIn(written);
}

/** The text of a body that SDKs send as it is. */
function writtenIn(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  if (body instanceof ArrayBuffer) return Buffer.from(body).toString();
  return ArrayBuffer.isView(body) ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString() : undefined;
}

/** `undefined`: no JSON, so nothing of which anything is known here. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Throws what the body throws. What goes as it is (forms, files, streams, bytes, text) comes back as it is. */
export function asSerialised(body: unknown): unknown {
  if (!isJson(body)) return body;
  const told = asTold(body, "");
  if (typeof told !== "object" || told === null || Array.isArray(told)) return told;
  const copy: Record<string, unknown> = { ...told };
  for (const key in copy) {
    const value = copy[key];
    if (typeof value === "object" && value !== null) copy[key] = asTold(value, key);
  }
  return copy;
}

/** An object in the place of `key`. */
function asTold(value: object, key: string): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  const told: unknown = typeof toJSON === "function" ? toJSON.call(value, key) : value;
  if (typeof told !== "object" || told === null || Array.isArray(told)) return told;
  if (isRawJSON?.(told) === true) return JSON.parse(told.rawJSON) as unknown;
  if (told instanceof Number) return Number(told);
  if (told instanceof String) return String(told);
  if (told instanceof Boolean) return Boolean.prototype.valueOf.call(told);
  return told;
}

/** What SDKs send as it is says so by these. */
const OTHER_MARKS = ["append", "arrayBuffer", "getReader", "byteLength", Symbol.asyncIterator] as const;

function isJson(body: unknown): body is object {
  if (typeof body !== "object" || body === null) return false;
  const prototype: unknown = Object.getPrototypeOf(body);
  return prototype === Object.prototype || prototype === null || !OTHER_MARKS.some((mark) => mark in body);
}
