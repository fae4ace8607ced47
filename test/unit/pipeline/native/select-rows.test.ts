/** Method: cutting the block of some rows must give the very rows that a block of only those would hold, whatever the columns. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeNativeBlock, nativeColumn } from "../../../../src/pipeline/native/native-block.ts";
import { nativeArray, nativeBool, nativeInt64, nativeString } from "../../../../src/pipeline/native/native-types.ts";
import { nativeAttributes } from "../../../../src/pipeline/native/native-maps.ts";
import { selectNativeRows } from "../../../../src/pipeline/native/select-rows.ts";

interface Row {
  readonly text: string;
  readonly flag: boolean;
  readonly number: bigint;
  readonly map: Map<string, string>;
  readonly maps: readonly Map<string, string>[];
}

/** No LowCardinality at the top: its dictionary stays whole, so the bytes differ from those of a new block. */
const PLAIN = [
  nativeColumn<Row, string>("text", nativeString, (row) => row.text),
  nativeColumn<Row, boolean>("flag", nativeBool, (row) => row.flag),
  nativeColumn<Row, bigint>("number", nativeInt64, (row) => row.number),
  nativeColumn<Row, readonly string[]>(
    "keys",
    nativeArray(nativeString, (key: string) => key),
    (row) => [...row.map.keys()],
  ),
];
const MAPS = [
  nativeColumn("map", nativeAttributes, (row: Row) => row.map),
  nativeColumn(
    "maps",
    nativeArray(nativeAttributes, (map: Row["map"]) => map),
    (row: Row) => row.maps,
  ),
  nativeColumn<Row, string>("text", nativeString, (row) => row.text),
];

const map = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.string()), { maxLength: 4 }).map((all) => new Map(all));
const row: fc.Arbitrary<Row> = fc.record({
  text: fc.string({ maxLength: 300 }),
  flag: fc.boolean(),
  number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  map,
  maps: fc.array(map, { maxLength: 3 }),
});
const rowsAndPicks = fc.array(row, { minLength: 1, maxLength: 20 }).chain((rows) =>
  fc.tuple(
    fc.constant(rows),
    fc.subarray(
      rows.map((_, index) => index),
      { minLength: 1 },
    ),
  ),
);

const pick = (rows: readonly Row[], picks: readonly number[]): Row[] =>
  rows.filter((_, index) => picks.includes(index));

describe("rows cut from a Native block", () => {
  it("are the bytes that a block of only those rows would have", () => {
    const property = fc.property(rowsAndPicks, ([rows, picks]) => {
      const cut = selectNativeRows(Buffer.from(encodeNativeBlock(PLAIN, rows)), Uint32Array.from(picks));
      expect(cut).toEqual(Buffer.from(encodeNativeBlock(PLAIN, pick(rows, picks))));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("can be cut again, all of them or one, and stay the same: dictionaries included", () => {
    const property = fc.property(rowsAndPicks, ([rows, picks]) => {
      const whole = Buffer.from(encodeNativeBlock(MAPS, rows));
      expect(
        selectNativeRows(
          whole,
          Uint32Array.from(rows, (_, index) => index),
        ),
      ).toEqual(whole);
      const cut = selectNativeRows(whole, Uint32Array.from(picks));
      const last = picks.length - 1;
      expect(selectNativeRows(cut ?? Buffer.alloc(0), Uint32Array.of(last))).toEqual(
        selectNativeRows(whole, Uint32Array.of(picks[last] ?? 0)),
      );
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("are none when the block is cut off, holds an unknown type, or is followed by something", () => {
    const whole = Buffer.from(
      encodeNativeBlock(PLAIN, [{ text: "a", flag: true, number: 1n, map: new Map(), maps: [] }]),
    );
    const first = Uint32Array.of(0);
    for (let length = 0; length < whole.length; length += 1) {
      expect(selectNativeRows(whole.subarray(0, length), first)).toBeUndefined();
    }
    expect(selectNativeRows(Buffer.concat([whole, whole]), first)).toBeUndefined();
    expect(selectNativeRows(Buffer.from("\u0001\u0001\u0001a\u0007Variant\u0000"), first)).toBeUndefined();
  });
});
