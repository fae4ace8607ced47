import { describe, expect, it } from "vitest";
import { foldToolName } from "../../../../instrumentation/src/policy/tool-name.ts";

describe("the name of a tool", () => {
  it.each([
    ["db_read_users", "db_read_users"],
    ["DB_Read", "db_read"],
    ["ｄｅｌｅｔｅ", "delete"],
    ["ﬁle", "file"],
    ["server/tool.name:v2", "server/tool.name:v2"],
    ["削除_ファイル", "削除_ファイル"],
    ["löschen", "löschen"],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
  ])("%j is seen as %j", (name, folded) => {
    expect(foldToolName(name)).toEqual({ ok: true, folded });
  });

  it.each([
    ["empty", ""],
    ["longer than 256", "x".repeat(257)],
    ["longer than 256 once normalised", "ﷺ".repeat(20)],
    ["with a newline", "delete\n"],
    ["with a tab", "delete\tx"],
    ["with NUL", "delete\0"],
    ["with a zero-width space", "del\u200bete"],
    ["with a zero-width joiner", "del\u200dete"],
    ["with a soft hyphen", "del\u00adete"],
    ["with a word joiner", "del\u2060ete"],
    ["with a bidirectional override", "\u202edelete"],
    ["with a variation selector", "delete\ufe0f"],
    ["with a tag character", "delete\u{e0041}"],
    ["with a Hangul filler", "delete\u3164"],
    ["with a blank Braille cell", "delete\u2800"],
    ["with a line separator", "delete\u2028"],
    ["with a private code point", "delete\ue000"],
    ["with an unassigned code point", "delete\u0378"],
    ["with a lone surrogate", "delete\ud800"],
    ["with a mark on ASCII", "d\u0332elete"],
    ["with a space at its end", "delete "],
    ["with a wide space at its end", "delete\u3000"],
    ["with a Cyrillic letter among Latin ones", "d\u0435lete"],
    ["with a Greek letter among Latin ones", "d\u03bflete"],
    ["with a phonetic look-alike", "\u0261et"],
    ["that is a number", 5],
    ["that is missing", undefined],
    ["that is an object", { toString: () => "x" }],
  ])("%s is refused", (_, name) => {
    expect(foldToolName(name).ok).toBe(false);
  });
});
