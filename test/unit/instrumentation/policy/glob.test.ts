import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob, GlobError } from "../../../../instrumentation/src/policy/index.ts";

describe("a glob", () => {
  it.each([
    // micromatch's surprises (field-lessons.md): each of these must match
    ["*delete*", ".delete_x", true],
    ["*delete_*", "a/delete_x", true],
    ["delete_*", "Delete_users", true],
    ["delete_*", "delete_users\n", true],
    ["*delete*", "a\ndelete\nb", true],
    ["./x", "./x", true],
    ["./x", "x", false],
    ['"x"', '"x"', true],
    ['"x"', "x", false],
    // stars and question marks
    ["*", "", true],
    ["*", "anything/at.all\n", true],
    ["**", "a/b", true],
    ["?", "", false],
    ["?", "/", true],
    ["?", "😀", true],
    ["??", "😀", false],
    ["?*", "a", true],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "acb", false],
    ["ab*ba", "aba", false],
    // literal, exact
    ["db_read", "db_read", true],
    ["db_read", "db_read_all", false],
    ["db_read", "my_db_read", false],
    ["a.b", "axb", false],
    ["a+b", "aab", false],
    ["f(x)|y^$@~", "f(x)|y^$@~", true],
    ["a,b", "a,b", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["\\!x", "!x", true],
    // brackets and braces
    ["[a-c]x", "BX", true],
    ["[a-c]x", "dx", false],
    ["[!a]x", "ax", false],
    ["[!a]x", "/x", true],
    ["[^a]x", "bx", true],
    ["{a,b}_*", "b_1", true],
    ["{a,b}_*", "c_1", false],
    ["{a,{b,c}}x", "cx", true],
    ["x{,y}", "x", true],
    // one name, several spellings
    ["delete_*", "ＤＥＬＥＴＥ＿x", true],
    ["straße", "STRASSE", true],
    ["file", "FıLE", true],
    ["σας", "ΣΑΣ", true],
    ["caf\u00e9", "cafe\u0301", true],
  ])("%j on %j is %s", (pattern, text, matches) => {
    expect(compileGlob(pattern)(text)).toBe(matches);
  });

  it.each([
    "",
    "!a",
    "!(a)",
    "a@(b|c)",
    "+(a)",
    "[a",
    "[]",
    "[z-a]",
    "{a",
    "a}",
    "{a}",
    "{1..9}",
    "a\\",
    "x".repeat(257),
    "{a,b}".repeat(4),
    "\ue000",
  ])("refuses %j", (pattern) => {
    expect(() => compileGlob(pattern)).toThrow(GlobError);
  });

  it("without special characters matches itself and nothing longer", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9_.:/ -]{1,40}$/), fc.string({ minLength: 1 }), (name, more) => {
        const matches = compileGlob(name);
        expect([matches(name), matches(name.toUpperCase()), matches(`${name}x${more}`)]).toEqual([true, true, false]);
      }),
    );
  });

  it("agrees with a regular expression on stars and question marks", () => {
    const alphabet = fc.constantFrom("a", "b", "*", "?", "/", ".");
    const pattern = fc.array(alphabet, { minLength: 1, maxLength: 10 }).map((parts) => parts.join(""));
    const text = fc.array(fc.constantFrom("a", "b", "/", ".", "\n"), { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        const source = glob.replaceAll(".", "\\.").replaceAll("?", "[^]").replaceAll("*", "[^]*");
        expect(compileGlob(glob)(name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
      { numRuns: 5000 },
    );
  });

  it("of stars and literals is read as with a class in the place of a literal, which goes another way", () => {
    const alphabet = fc.constantFrom("a", "b", "*", "/", "\\*", "\\?", "\\\\", "\\[", "é", "😀");
    const pattern = fc.array(alphabet, { minLength: 1, maxLength: 8 });
    const text = fc.array(fc.constantFrom("a", "b", "/", "*", "?", "\\", "[", "é", "😀"), { maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (parts, name) => {
        const plain = compileGlob(`x${parts.join("")}`);
        const withClass = compileGlob(`[x]${parts.join("")}`);
        expect(plain(`x${name.join("")}`)).toBe(withClass(`x${name.join("")}`));
      }),
      { numRuns: 3000 },
    );
  });

  it("throws nothing but its own error, and never when it matches", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
        fc.string({ unit: "binary" }),
        (pattern, text) => {
          const outcome = (): unknown => {
            try {
              return compileGlob(pattern)(text);
            } catch (error) {
              return error instanceof GlobError;
            }
          };
          expect(outcome()).toBeTypeOf("boolean");
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("does work in proportion to pattern and text on what makes a regular expression explode", () => {
    // As a backtracking expression each of these takes longer than the age of the universe.
    for (const pattern of ["*a".repeat(100) + "b", "?*a".repeat(60) + "b", "*[ab]".repeat(50) + "c"]) {
      expect(compileGlob(pattern)("a".repeat(256))).toBe(false);
    }
  });
});
