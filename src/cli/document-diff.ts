/** What changes in documents, as lines for people. */
import { stringify } from "yaml";
import type { DocumentChange } from "../config/governance/document-changes.ts";

/** Longer documents are shown by their old and new lines only, without looking for the fewest. */
const CELLS_MAX = 1_000_000;

const SIGNS = { added: "+", changed: "~", removed: "-" } as const;

/** A line for each document, and below it those lines of it that come and go. */
export function diffLines(changes: readonly DocumentChange[]): readonly string[] {
  return changes.flatMap(({ subject, change, before, after }) => {
    const head = `${SIGNS[change]} ${subject}`;
    return change === "changed" ? [head, ...changedLines(linesOf(before), linesOf(after))] : [head];
  });
}

function linesOf(document: unknown): readonly string[] {
  return stringify(document).trimEnd().split("\n");
}

/** By the longest list of lines that both have. */
function changedLines(before: readonly string[], after: readonly string[]): readonly string[] {
  const gone = (line: string): string => `    - ${line}`;
  const come = (line: string): string => `    + ${line}`;
  if (before.length * after.length > CELLS_MAX) {
    const [old, now] = [new Set(before), new Set(after)];
    return [...before.filter((line) => !now.has(line)).map(gone), ...after.filter((line) => !old.has(line)).map(come)];
  }
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: string[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [old, now] = [before[row], after[column]];
    if (old === now) {
      row += 1;
      column += 1;
    } else if (now === undefined || (old !== undefined && at(row + 1, column) >= at(row, column + 1))) {
      lines.push(gone(old ?? ""));
      row += 1;
    } else {
      lines.push(come(now));
      column += 1;
    }
  }
  return lines;
}
