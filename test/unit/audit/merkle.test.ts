import { describe, expect, it } from "vitest";
import {
  consistencyProof,
  Frontier,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  rootOf,
} from "../../../src/audit/merkle.ts";

/**
 * The leaves and roots that Certificate Transparency tests its trees with
 * (https://github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc; the same in
 * https://github.com/transparency-dev/merkle, testonly/constants.go).
 */
const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const hashes = LEAVES.map((hex) => leafHash(Buffer.from(hex, "hex")));
const many = Array.from({ length: 64 }, (_none, index) => leafHash(`leaf ${index}`));

describe("the tree of RFC 6962", () => {
  it("has the roots that others compute", () => {
    expect(ROOTS.map((_root, index) => rootOf(hashes.slice(0, index + 1)).toString("hex"))).toEqual(ROOTS);
    expect(rootOf([]).toString("hex")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  it("gives the inclusion paths of RFC 6962, section 2.1.3", () => {
    // For the tree of seven leaves: PATH(0) = [b, h, l], PATH(3) = [c, g, l], PATH(4) = [f, j, k], PATH(6) = [i, k].
    const seven = many.slice(0, 7);
    const [a, b, c, d, e, f, g] = seven.map((leaf) => rootOf([leaf]).toString("hex"));
    const part = (from: number, to: number): string => rootOf(seven.slice(from, to)).toString("hex");
    const path = (index: number): readonly string[] => inclusionProof(seven, index).map((hash) => hash.toString("hex"));
    expect(path(0)).toEqual([b, part(2, 4), part(4, 7)]);
    expect(path(3)).toEqual([c, part(0, 2), part(4, 7)]);
    expect(path(4)).toEqual([f, g, part(0, 4)]);
    expect(path(6)).toEqual([part(4, 6), part(0, 4)]);
    expect([a, d, e].every((hash) => hash !== undefined)).toBe(true);
  });

  it("gives the consistency proofs of RFC 6962, section 2.1.3", () => {
    const seven = many.slice(0, 7);
    const part = (from: number, to: number): string => rootOf(seven.slice(from, to)).toString("hex");
    const proof = (size: number): readonly string[] =>
      consistencyProof(seven, size).map((hash) => hash.toString("hex"));
    expect(proof(3)).toEqual([part(2, 3), part(3, 4), part(0, 2), part(4, 7)]);
    expect(proof(4)).toEqual([part(4, 7)]);
    expect(proof(6)).toEqual([part(4, 6), part(6, 7), part(0, 4)]);
  });

  it("proves every leaf of every tree, and no other leaf or place", () => {
    for (let size = 1; size <= 33; size += 1) {
      const leaves = many.slice(0, size);
      const root = rootOf(leaves);
      for (const [index, leaf] of leaves.entries()) {
        const proof = inclusionProof(leaves, index);
        expect(isIncluded({ leaf, index, size, root, proof })).toBe(true);
        expect(isIncluded({ leaf: leafHash("other"), index, size, root, proof })).toBe(false);
        expect(isIncluded({ leaf, index: (index + 1) % size, size, root, proof })).toBe(size === 1);
      }
    }
  });

  it("proves that a tree has only grown, and finds a leaf that was exchanged", () => {
    for (let size = 1; size <= 33; size += 1) {
      const second = { size, root: rootOf(many.slice(0, size)) };
      for (let old = 1; old <= size; old += 1) {
        const first = { size: old, root: rootOf(many.slice(0, old)) };
        const proof = consistencyProof(many.slice(0, size), old);
        expect(isConsistent({ first, second, proof })).toBe(true);
        const rewritten = { size: old, root: rootOf([leafHash("other"), ...many.slice(1, old)]) };
        expect(isConsistent({ first: rewritten, second, proof })).toBe(false);
      }
    }
  });

  it("needs only its right edge to grow", () => {
    const tree = new Frontier();
    for (const [index, leaf] of many.entries()) {
      tree.append(leaf);
      expect(tree.root().equals(rootOf(many.slice(0, index + 1)))).toBe(true);
      expect(new Frontier(tree.size, tree.roots).root().equals(tree.root())).toBe(true);
    }
    expect(() => new Frontier(3, [leafHash("one")])).toThrow(RangeError);
  });
});
