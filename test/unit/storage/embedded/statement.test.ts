import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStatement } from "../../../../src/storage/embedded/statement.ts";

/** The parts of an INSERT: what stands before its settings, the settings, its format, its data. */
function partsOf(text: string): readonly string[] {
  const statement = readStatement(text);
  if (statement.kind !== "insert-data") throw new Error(`not insert data: ${statement.kind}`);
  const { settingsStart, formatStart, dataStart, format } = statement;
  return [text.slice(0, settingsStart), text.slice(settingsStart, formatStart), format, text.slice(dataStart)];
}

describe("where an INSERT's data begins", () => {
  test.each([
    ["INSERT INTO t FORMAT Native\n\x00\x01", ["INSERT INTO t ", "", "Native", "\x00\x01"]],
    ["insert into t format JSONEachRow {}", ["insert into t ", "", "JSONEachRow", "{}"]],
    ["INSERT INTO t FORMAT RowBinary\r\n\n", ["INSERT INTO t ", "", "RowBinary", "\n"]],
    [
      "INSERT INTO t (a, format, `values`) SETTINGS x=1 FORMAT CSV\n",
      ["INSERT INTO t (a, format, `values`) ", "SETTINGS x=1 ", "CSV", ""],
    ],
    ["INSERT INTO db.values VALUES (1); ", ["INSERT INTO db.values ", "", "Values", " (1); "]],
    ["INSERT INTO format FORMAT TSV\n1", ["INSERT INTO format ", "", "TSV", "1"]],
    ["INSERT INTO TABLE `a``FORMAT b` FORMAT TSV\n1", ["INSERT INTO TABLE `a``FORMAT b` ", "", "TSV", "1"]],
    [
      "/* FORMAT */ INSERT /*x*/ INTO t -- FORMAT CSV\n FORMAT TSV\n1",
      ["/* FORMAT */ INSERT /*x*/ INTO t -- FORMAT CSV\n ", "", "TSV", "1"],
    ],
  ])("%j", (text, parts) => {
    expect(partsOf(text)).toEqual(parts);
  });

  test("an INSERT SELECT has none", () => {
    expect(readStatement("INSERT INTO t SELECT 1 FORMAT Null")).toMatchObject({ kind: "plain", firstWord: "INSERT" });
    expect(readStatement("INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x")).toMatchObject({ kind: "plain" });
  });

  test("data is never read as a statement, whatever bytes it has", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const data = Buffer.from(bytes).toString("latin1");
        expect(partsOf(`INSERT INTO t FORMAT Native\n${data}`)[3]).toBe(data);
      }),
    );
  });
});

describe("one statement a request", () => {
  test.each([
    "SELECT 1; SELECT 2",
    "SELECT ';'; x",
    "SELECT 1;;DROP TABLE t",
    "SELECT $a$;$a$; DROP TABLE t",
    "SELECT '\\''; DROP",
    "SELECT 1 -- '\n; DROP",
  ])("%j is two", (text) => {
    expect(() => readStatement(text)).toThrow("Multi-statements are not allowed");
  });

  test.each([
    "SELECT 1;",
    "SELECT 1 ; -- done; really\n",
    "SELECT ';' /* ; */ AS `;`, \";\"",
    "SELECT $a$; ' $b$ $a$",
    "SELECT '\\';'",
    "SELECT 'it''s; fine'",
    "SELECT \u00e2\u0080\u0098;\u00e2\u0080\u0099",
  ])("%j is one", (text) => {
    expect(readStatement(text)).toMatchObject({ kind: "plain", firstWord: "SELECT" });
  });

  test("a quoted string, however written, hides what is in it", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const literal = `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
        expect(readStatement(`SELECT ${literal} AS x FORMAT CSV`)).toMatchObject({
          kind: "plain",
          format: { name: "CSV" },
        });
      }),
    );
  });

  test("text of nothing but comments is empty", () => {
    expect(readStatement(" -- x\n/* y */ # z\n")).toEqual({ kind: "empty" });
  });
});

test.each([
  "SELECT 1 INTO OUTFILE 'x'",
  "SELECT 1 INTO/**/OUTFILE/**/'x'",
  "SELECT 1 INTO OUTFILE $$x$$",
  "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
  "INSERT INTO t (a) FROM infile 'x'",
])("%j is refused: it would touch files of this machine", (text) => {
  expect(() => readStatement(text)).toThrow("is not available over HTTP");
});

describe("the FORMAT of an answer", () => {
  test.each([
    ["SELECT 1 FORMAT Native", "Native", "SELECT 1 "],
    ["SELECT 1 FORMAT Native;", "Native", "SELECT 1 "],
    ["SHOW TABLES format JSON SETTINGS a = 1", "JSON", "SHOW TABLES "],
    ["SELECT (SELECT 1) AS format, 2 FORMAT /**/ TSV -- x", "TSV", "SELECT (SELECT 1) AS format, 2 "],
    ["SELECT * FROM a WHERE format = 'x' ORDER BY format DESC FORMAT CSV", "CSV", undefined],
  ])("%j is %s", (text, name, before) => {
    const statement = readStatement(text);
    expect(statement).toMatchObject({ kind: "plain", format: { name } });
    if (statement.kind !== "plain" || statement.format === undefined || before === undefined) return;
    expect(text.slice(0, statement.format.start)).toBe(before);
    expect(text.slice(0, statement.format.end).endsWith(name)).toBe(true);
  });

  test.each([
    "SELECT format FROM system.formats",
    "SELECT name, format x FROM t",
    "SELECT 1 AS format",
    "SELECT t.format alias FROM t",
    "SELECT format AS f FROM t ORDER BY format DESC",
    "SELECT 1 ORDER BY a, format ASC",
    "SELECT count() FROM t GROUP BY format HAVING 1",
    "SELECT 'FORMAT Native'",
  ])("%j names none", (text) => {
    expect(readStatement(text)).toMatchObject({ kind: "plain", format: undefined });
  });
});
