/** Headers as undici takes them: a flat list, an object, or an iterable of pairs. Pure. */

type Value = string | readonly string[] | undefined;
export type Headers =
  | readonly (string | Uint8Array)[]
  | Iterable<readonly [string, Value]>
  | Readonly<Record<string, Value>>
  | null
  | undefined;

/** Of several by one name their list. https://www.rfc-editor.org/rfc/rfc9110#section-5.3 */
export function findHeader(headers: Headers, name: string): string | undefined {
  let found: string | undefined;
  for (const [key, value] of pairs(headers)) {
    if (value === undefined || key.toLowerCase() !== name) continue;
    const text = typeof value === "string" ? value : value.join(", ");
    found = found === undefined ? text : `${found}, ${text}`;
  }
  return found;
}

/** The same with other values; `undefined` takes a header away. A flat list, which every version takes. */
export function withHeaders(
  headers: Headers,
  changes: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const kept = pairs(headers).filter(([key]) => !Object.hasOwn(changes, key.toLowerCase()));
  const set = Object.entries(changes).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return [...kept, ...set].flatMap(([key, value]) =>
    value === undefined ? [] : [value].flat().flatMap((single) => [key, String(single)]),
  );
}

function pairs(headers: Headers): readonly (readonly [string, Value])[] {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers)) {
    const list = headers as readonly (string | Uint8Array)[];
    return list.flatMap((key, index) => (index % 2 === 0 ? [[text(key), text(list[index + 1])] as const] : []));
  }
  if (Symbol.iterator in headers) return [...(headers as Iterable<readonly [string, Value]>)];
  return Object.entries(headers as Readonly<Record<string, Value>>);
}

function text(value: string | Uint8Array | undefined): string {
  return typeof value === "string" ? value : Buffer.from(value ?? []).toString("latin1");
}
