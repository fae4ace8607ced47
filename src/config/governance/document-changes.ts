import type { WrittenDocument } from "./governance.ts";

/** One document that one set of documents has and the other has not, or has otherwise. */
export interface DocumentChange {
  /** Its kind and name: `budget fleet`. */
  readonly subject: string;
  readonly change: "added" | "changed" | "removed";
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What `to` says otherwise than `from`, document by document; those that are gone last. */
export function documentChanges(
  from: readonly WrittenDocument[],
  to: readonly WrittenDocument[],
): readonly DocumentChange[] {
  const [before, after] = [bySubject(from), bySubject(to)];
  const changed = [...after].flatMap(([subject, value]): DocumentChange[] => {
    if (!before.has(subject)) return [{ subject, change: "added", after: value }];
    const old = before.get(subject);
    return JSON.stringify(old) === JSON.stringify(value)
      ? []
      : [{ subject, change: "changed", before: old, after: value }];
  });
  const gone = [...before].filter(([subject]) => !after.has(subject));
  return [...changed, ...gone.map(([subject, value]) => ({ subject, change: "removed", before: value }) as const)];
}

function bySubject(documents: readonly WrittenDocument[]): ReadonlyMap<string, unknown> {
  return new Map(documents.map(({ kind, name, value }) => [`${kind} ${name}`, value]));
}
