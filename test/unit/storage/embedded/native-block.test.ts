import { expect, test } from "vitest";
import { emptyBlock, helloBlock, isHello, readColumns } from "../../../../src/storage/embedded/native-block.ts";

const server = { displayName: "host", version: "26.7.2.1", timezone: "Etc/UTC" };

test("the hello at revision 54460 has block info, and a 00 byte after each type", () => {
  const expected = [
    "0100 02ffffffff 00", // block info
    "04 01", // columns, rows
    "0d 646973706c61794e616d652829", // displayName()
    "06 537472696e67 00 04 686f7374", // String, default serialisation, "host"
    "09 76657273696f6e2829", // version()
    "06 537472696e67 00 08 32362e372e322e31",
    "0a 7265766973696f6e2829", // revision()
    "06 55496e743332 00 00000000", // UInt32, 0
    "0a 74696d657a6f6e652829", // timezone()
    "06 537472696e67 00 07 4574632f555443",
  ];
  const hello = helloBlock({ ...server, clientRevision: 54_460 });
  expect(hello.toString("hex")).toBe(expected.join("").replaceAll(" ", ""));
});

test("at older revisions the hello has what they have", () => {
  const hello = helloBlock({ ...server, clientRevision: 54_460 });
  const withoutSerialization = helloBlock({ ...server, clientRevision: 54_453 });
  expect(withoutSerialization.length).toBe(hello.length - 4);
  expect(withoutSerialization.subarray(0, 10)).toEqual(hello.subarray(0, 10));
  expect(helloBlock({ ...server, clientRevision: 1 })).toEqual(withoutSerialization.subarray(8));
});

test.each([
  ["SELECT displayName(), version(), revision(), timezone()", true],
  ["  select displayname(),version(),revision(),timezone();\n", true],
  ["SELECT displayName(), version(), revision(), timezone() FROM t", false],
  ["SELECT version()", false],
])("%j is the hello: %s", (text, is) => {
  expect(isHello(text)).toBe(is);
});

test("columns without rows are a block, names and types of any length", () => {
  const long = "x".repeat(300);
  const block = emptyBlock([
    { name: "a", type: "UInt8" },
    { name: `é${long}`, type: "Map(String, LowCardinality(String))" },
  ]);
  expect(block.subarray(0, 10).toString("latin1")).toBe("\x02\x00\x01a\x05UInt8");
  expect(block.subarray(10, 12)).toEqual(Buffer.from([0xae, 0x02]));
});

test("columns are read from the head of RowBinaryWithNamesAndTypes", () => {
  const bytes = Buffer.from("\x02\x04name\x01b\x06String\x05UInt8\x03row", "latin1");
  expect(readColumns(bytes)).toEqual([
    { name: "name", type: "String" },
    { name: "b", type: "UInt8" },
  ]);
  expect(() => readColumns(Buffer.from("\x02\x04name", "latin1"))).toThrow(RangeError);
});
