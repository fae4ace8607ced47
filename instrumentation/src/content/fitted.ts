/** JSON data cut to a size: whatever an app hands in, what comes out is plain, of bounded depth and number, and small. */

const DEPTH_MAX = 32;
const NODES_MAX = 10_000;
const CUT = "…[cut]";

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export interface Fitted {
  readonly value: Plain;
  readonly isCut: boolean;
}

/** `margin`: how much longer than what is left a text may stay, for who looks for something in it before it is cut for good. */
export function fitted(value: unknown, { lengthMax, margin = 0 }: { lengthMax: number; margin?: number }): Fitted {
  let left = lengthMax;
  let nodes = 0;
  let isCut = false;
  const cutText = (text: string): string => {
    const room = Math.max(0, left) + margin;
    left -= text.length;
    if (text.length <= room) return text;
    isCut = true;
    return room === 0 ? "" : text.slice(0, room) + (margin === 0 ? CUT : "");
  };
  const walk = (item: unknown, depth: number): Plain => {
    nodes += 1;
    if (nodes > NODES_MAX || depth > DEPTH_MAX || left < -margin) {
      isCut = true;
      return null;
    }
    switch (typeof item) {
      case "string":
        return cutText(item);
      case "number":
        return Number.isFinite(item) ? item : String(item);
      case "boolean":
        return item;
      case "bigint":
        return String(item);
      case "object":
        break;
      default:
        return null;
    }
    if (item === null) return null;
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) return `[${item.byteLength} bytes]`;
    if ("toJSON" in item && typeof item.toJSON === "function") return walk(item.toJSON(), depth + 1);
    if (Array.isArray(item)) return item.slice(0, NODES_MAX).map((member) => walk(member, depth + 1));
    const members: [string, Plain][] = [];
    for (const [key, member] of Object.entries(item)) {
      if (nodes > NODES_MAX) break;
      if (member !== undefined && typeof member !== "function") members.push([cutText(key), walk(member, depth + 1)]);
    }
    return Object.fromEntries(members);
  };
  return { value: walk(value, 0), isCut };
}
