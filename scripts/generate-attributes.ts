/**
 * Writes docs/attributes.md from the comments of instrumentation/src/semconv.ts, which is the only source.
 * `node scripts/generate-attributes.ts` writes it; a test proves that what is checked in is fresh.
 */
import { readFileSync, writeFileSync } from "node:fs";

const SOURCE = new URL("../instrumentation/src/semconv.ts", import.meta.url);
const TARGET = new URL("../docs/attributes.md", import.meta.url);

interface AttributeRow {
  readonly section: string;
  readonly name: string;
  readonly type: string;
  readonly meaning: string;
}

/** Reads `// section`, then pairs of one-line comment and constant. Throws for a constant without such a comment. */
export function readAttributes(source: string): readonly AttributeRow[] {
  const rows: AttributeRow[] = [];
  let section = "";
  let comment = "";
  for (const line of source.split("\n")) {
    const constant = /^export const ATTR_\w+ = "([^"]+)";$/.exec(line);
    if (constant !== null) {
      const parts = /^([a-z][^.]*)\. (.+)$/.exec(comment);
      if (parts === null) throw new Error(`no comment of the form \`type. meaning\` before: ${line}`);
      rows.push({ section, name: constant[1] ?? "", type: parts[1] ?? "", meaning: parts[2] ?? "" });
    }
    section = /^\/\/ (.+)$/.exec(line)?.[1] ?? section;
    comment = /^\/\*\* (.+) \*\/$/.exec(line)?.[1] ?? "";
  }
  return rows;
}

/** The whole page. */
export function renderAttributes(source: string): string {
  const rows = readAttributes(source);
  const sections = [...new Set(rows.map((row) => row.section))].map((section) => {
    const lines = rows
      .filter((row) => row.section === section)
      .map((row) => `| \`${row.name}\` | ${row.type} | ${row.meaning} |`);
    return [`## ${section}`, "", "| Attribute | Type | Meaning |", "| --- | --- | --- |", ...lines].join("\n");
  });
  const head =
    "# Attributes\n\nGenerated from `instrumentation/src/semconv.ts` by `node scripts/generate-attributes.ts`; do not edit.";
  return `${[head, ...sections].join("\n\n")}\n`;
}

if (import.meta.main) writeFileSync(TARGET, renderAttributes(readFileSync(SOURCE, "utf8")));
