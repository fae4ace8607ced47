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
    ["get_削除_ファイル", "get_削除_ファイル"],
    ["get_파일", "get_파일"],
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
    ["with a Telugu nought among Latin letters", "dr\u0c66p"],
    ["with a Lao nought among Latin letters", "dr\u0ed0p"],
    ["with an Arabic digit among Latin letters", "dr\u0665p"],
    ["with a Hebrew letter among Latin ones", "dr\u05e1p"],
    ["with an Osage letter among Latin ones", "dr\u{104ea}p"],
    ["with a phonetic look-alike", "\u0261et"],
    ["with a typographic hyphen", "db\u2010drop"],
    ["with a hyphen that does not break", "db\u2011drop"],
    ["with a dash", "db\u2013drop"],
    ["with a minus", "db\u2212drop"],
    ["with a modifier letter like a minus", "db\u02d7drop"],
    ["with a division slash", "fs\u2215drop"],
    ["with a fraction slash", "fs\u2044drop"],
    ["with a ratio in the place of a colon", "fs\u2236drop"],
    ["with a long mark in the place of a colon", "fs\u02d0drop"],
    ["with a tie in the place of an underscore", "fs\u203fdrop"],
    ["that is a number", 5],
    ["that is missing", undefined],
    ["that is an object", { toString: () => "x" }],
  ])("%s is refused", (_, name) => {
    expect(foldToolName(name).ok).toBe(false);
  });
});
