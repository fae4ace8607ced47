import { expect, test } from "vitest";
import { cityHash128 } from "../../../../src/storage/embedded/city-hash.ts";

/**
 * Length, and hash in hex as it stands in a frame. Made once with github.com/go-faster/city v1.0.1 (`CH128`), which
 * clickhouse-go checks frames by; each branch of the algorithm has lengths on both of its sides.
 */
const VECTORS: readonly (readonly [length: number, hash: string])[] = [
  [0, "2b9ac064fc9df03d291ee592c340b53c"],
  [1, "400ece9c375be58bba1c8b474447ab05"],
  [3, "84f78797ffd1f598afec009ff47c1aad"],
  [4, "41e9bad5fca6c207687a0ae02df0b858"],
  [7, "da03e57c8fa468270f0e399c1b183df8"],
  [8, "0abd2b9ec66cd83c79503e7c0b8826ec"],
  [9, "70cc8dff815b97cda5e45a360fb674e6"],
  [10, "9c3880219641e93ea6d7293f48a2b7ac"],
  [15, "85845bc3bb4a464c66cd3cca048c3111"],
  [16, "c61775588b63801b3acb453e6b4dd480"],
  [17, "f41c70a2804428673b06d914a4965ab6"],
  [24, "dec6770d0094a0d3e5f73bab5ad89902"],
  [25, "eaf9027a29d1a36d2746188ae6a7ba18"],
  [31, "286f85c0a04b8677d9f94b7691a9a796"],
  [32, "544bb0b31a51d69a7db8c5d3a3934778"],
  [33, "0caf20a8090c82cb843986307d697522"],
  [40, "d652dda94b49d07835f965359d06d93e"],
  [48, "d6cb161c491117b98b0765b6009c5c54"],
  [64, "200afd6a979d6f754e3b6e2a9de768c2"],
  [65, "1d098dfaaed8fa9d2233047b24a205d3"],
  [100, "666dde0db8183d6b2523e1164e849f8c"],
  [127, "4fe482eddee9c43906123dcd85285675"],
  [128, "5923b539dbf0b6ed11810c6460ac64d9"],
  [143, "efc06dae7e65ceba07c5e5abaa891de8"],
  [144, "7b3ba4f5c8854df037210d0a00ab0fd9"],
  [145, "d2103251c267ab265a93be9d16e2d3df"],
  [160, "cf2490f9c02b563ca19e4de627d6dd3f"],
  [191, "52fc63d81f3339969a17aaac96babd03"],
  [192, "539dcb2ec63586ee575d5f19a5438bc7"],
  [207, "199fbca203c25b76fd8a5a6609aa2d08"],
  [208, "754b93000692781ca648238788a45d67"],
  [209, "4248f84945c943debb0ab9e6e7a63d38"],
  [255, "0391c6ddce320b681635ca08b710b32b"],
  [256, "facfffa80ebdd2250fe5b90300ac5af1"],
  [257, "029f24695bb7835c9e6e5621703a2aa2"],
  [272, "88364afb34ad6a5d5447dc99f584b9da"],
  [300, "b18e9a9ed934f868da534344eea9a14c"],
  [400, "fa750b39daef24d340da971ddd1b34cf"],
  [511, "68a330fae5a09ef7943ad0cced46078d"],
  [512, "09742b6d5dcd2dc05bc1aab987ac6f45"],
  [1000, "cf8b5ba9c1af0cef59d57a4589fc4aca"],
  [1024, "39e2c0b4911cc070b1829a85e0772a88"],
  [4096, "645c4501d81e18821652fd8dda26acb8"],
  [65536, "8e0aaff39e3856027a6f7d6c715a2341"],
  [100001, "8f7a979a5352382051b82362e1f51849"],
  [1048576, "02200dfa3752e02aec585d5b8a56bf26"],
];

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + length * 7 + (index >> 8)) & 255);
}

test.each(VECTORS)("%i bytes hash as in ClickHouse's CityHash 1.0.2", (length, hash) => {
  expect(Buffer.from(cityHash128(bytesOf(length))).toString("hex")).toBe(hash);
});

test("the hash is of the bytes in view only", () => {
  const whole = new Uint8Array(400).fill(9);
  whole.set(bytesOf(300), 50);
  expect(cityHash128(whole.subarray(50, 350))).toEqual(cityHash128(bytesOf(300)));
});
