import Table from "cli-table3";
import { printable, printableJson } from "../support/printable.ts";

/** Where a command writes. Tests pass their own. */
export interface Output {
  readonly isColour: boolean;
  /** Adds the newline. */
  line(text: string): void;
}

export function stdout(options: { readonly noColor: boolean }): Output {
  return {
    isColour: process.stdout.isTTY && !options.noColor,
    line: (text) => void process.stdout.write(`${text}\n`),
  };
}

/** One JSON document, on lines of its own. */
export function printJson(output: Output, value: unknown): void {
  output.line(printableJson(JSON.stringify(value, undefined, 2)));
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  value(row: Row): string;
}

const PLAIN_CHARS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** A table for people: no borders, aligned columns. Control characters in values are shown as escapes. */
export function printTable<Row>(output: Output, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const table = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: PLAIN_CHARS,
    style: { "padding-left": 0, "padding-right": 0, head: output.isColour ? ["bold"] : [], border: [] },
  });
  for (const row of rows) table.push(columns.map((column) => printable(column.value(row))));
  output.line(
    table
      .toString()
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n"),
  );
}
