/**
 * Goal: nobody adds a library that is half held. Method: folders of the instrumentation that have a README are its libraries; each must
 * have the shape of the others, and each case of the matrix must be run by the shared suite, held by a test that is there, or have its
 * reason.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hookFrameworks } from "../support/framework-rig.ts";
import { LIBRARIES } from "../support/libraries/index.ts";
import { APART, INSTEAD, type Instead } from "../support/libraries/matrix.ts";

hookFrameworks();
const { FRAMEWORKS } = await import("../support/frameworks/index.ts");

const ROOT = join(import.meta.dirname, "..", "..");
const SOURCES = join(ROOT, "instrumentation", "src");
/** What several libraries have in common. */
const SHARED = new Set(["fetch-call"]);

const folders = readdirSync(SOURCES).filter(
  (name) => existsSync(join(SOURCES, name, "README.md")) && !SHARED.has(name),
);
const suite = [...LIBRARIES, ...FRAMEWORKS];

/** Of tests that stand in for the suite: those that are not there. */
function missing(instead: Instead): readonly string[] {
  if (typeof instead === "string") return instead.length > 10 ? [] : [`\`${instead}\` is no reason`];
  return instead.flatMap(({ file, title }) => {
    const path = join(ROOT, "test", `${file}.test.ts`);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    return text.includes(`"${title}`) ? [] : [`${file}: ${title}`];
  });
}

describe.each(folders)("%s", (folder) => {
  const read = (): string => readFileSync(join(SOURCES, folder, "README.md"), "utf8");

  it("has a patch, and a README that says what is tested, gated and not", () => {
    const files = readdirSync(join(SOURCES, folder));
    expect(files.filter((name) => /^(?:patch-.+|adapter)\.ts$/.test(name))).not.toEqual([]);
    const text = read();
    expect(text).toMatch(/^# /);
    expect(text).toMatch(/^Tested: .*\d+\.\d+\.\d+|Tested: .* \d+\.\d+\.\d+/m);
    expect(text).toMatch(/\bgated\b/i);
    expect(text).toMatch(/\bnot gated\b/i);
  });

  it("is in the shared suite, or each case of it is held elsewhere", () => {
    const inSuite = suite.some((library) => library.folder === folder);
    expect(inSuite).not.toBe(folder in APART);
  });
});

it("runs each case for each library, or names the tests that do or why nothing does", () => {
  const names = suite.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(INSTEAD).filter((name) => !names.includes(name))).toEqual([]);
  expect(Object.keys(APART).filter((folder) => !folders.includes(folder))).toEqual([]);
  const instead = [...Object.values(INSTEAD), ...Object.values(APART)].flatMap((cases) => Object.values(cases));
  expect(instead.flatMap(missing)).toEqual([]);
});
