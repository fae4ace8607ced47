/** Goal: fingerprints are those of Chaskey. Method: its authors' test vector for a message of 24 bytes. */
import { expect, it } from "vitest";
import { IdentityCell } from "../../../../src/pdata/identity.ts";
import { IdentityPrint } from "../../../../src/pipeline/spool/identity-print.ts";

it("makes the tag of Chaskey with 8 rounds", () => {
  const print = new IdentityPrint(Int32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39));
  const cell = new IdentityCell();
  cell.bytes.set(Array.from({ length: cell.bytes.length }, (_, index) => index));
  print.read(cell);
  expect(print.words).toEqual(Int32Array.of(0x37ba1e35, 0x43451a62, 0xe6865591, 0x19af78ee));
});

it("has a secret of its own when it is given none", () => {
  const [one, other] = [new IdentityPrint(), new IdentityPrint()];
  const cell = new IdentityCell();
  one.read(cell);
  other.read(cell);
  expect(one.words).not.toEqual(other.words);
});
