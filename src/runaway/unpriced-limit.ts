/** Whose calls without a price are more than a document allows. Pure: the counts of the month come in. */
import { compileGlob } from "@tollgate/instrumentation/policy";
import type { RunawayDocument } from "./runaway-document.ts";
import type { RunawayAlarm } from "./runaway-watch.ts";

export interface UnpricedCount {
  readonly agent: string;
  /** What is known of the calls: agent, team, provider, model. */
  readonly labels: Readonly<Record<string, string>>;
  readonly calls: number;
}

/** One alarm for each document and agent. `monthMs`: when the month began, which is when the alarm is of. */
export function unpricedAlarms(
  documents: readonly RunawayDocument[],
  counts: readonly UnpricedCount[],
  monthMs: number,
): readonly RunawayAlarm[] {
  return documents.flatMap(({ name, scope, unpriced }) => {
    if (unpriced === undefined) return [];
    const terms = Object.entries(scope).map(([label, glob]) => ({ label, matches: compileGlob(glob) }));
    const calls = new Map<string, number>();
    for (const count of counts) {
      const isMeant = terms.every(({ label, matches }) => {
        const value = Object.hasOwn(count.labels, label) ? count.labels[label] : undefined;
        return value !== undefined && matches(value);
      });
      if (isMeant) calls.set(count.agent, (calls.get(count.agent) ?? 0) + count.calls);
    }
    return [...calls].flatMap(([agent, total]): RunawayAlarm[] => {
      if (total <= unpriced.per_month) return [];
      const finding = `${total} calls without a price this month; ${unpriced.per_month} may`;
      return [{ document: name, rule: "unpriced", do: unpriced.do, agent, session: "", atMs: monthMs, finding }];
    });
  });
}
