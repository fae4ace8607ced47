import { expect, it } from "vitest";
import { inParcels, joined, type Part } from "../../../../src/exporters/otlp/parcels.ts";
import type { StoredBlock } from "../../../../src/pipeline/spool/block-store.ts";
import type { OtlpEncoding } from "../../../../src/pdata/otlp/responses.ts";

const stored: StoredBlock = { name: "1", token: "1", bytes: 1, rowCount: 1, createdUnixMs: 1 };

function part(encoding: OtlpEncoding, body: string): Part {
  const request = { encoding, itemCount: body.length, body: Buffer.from(body) };
  return { request, block: { stored, left: 1, dropped: {} } };
}

function bodies(parts: readonly Part[], bounds = { itemsMax: 100, bytesMax: 100 }): readonly string[] {
  return inParcels(parts, bounds).map((parcel) => joined(parcel).body.toString());
}

it("puts neighbours together within the bounds of one request, in order", () => {
  const parts = ["ab", "cd", "ef", "ghijk", "l"].map((body) => part("protobuf", body));
  expect(bodies(parts, { itemsMax: 4, bytesMax: 100 })).toEqual(["abcd", "ef", "ghijk", "l"]);
  expect(bodies(parts, { itemsMax: 100, bytesMax: 4 })).toEqual(["abcd", "ef", "ghijk", "l"]);
  expect(joined(parts).itemCount).toBe(12);
});

it("never puts texts of JSON together, nor with anything else", () => {
  const parts = [
    part("json", "{}"),
    part("json", "[]"),
    part("protobuf", "a"),
    part("protobuf", "b"),
    part("json", "1"),
  ];
  expect(bodies(parts)).toEqual(["{}", "[]", "ab", "1"]);
});
