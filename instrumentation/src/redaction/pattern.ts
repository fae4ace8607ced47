import { createRequire } from "node:module";
import type * as Re2 from "re2js";
import type { Detector } from "./detectors.ts";

/** A pattern of the configuration, run by an automaton: no text can make it slow. Throws for what does not compile. */
export function patternDetector(name: string, regex: string): Detector {
  const pattern = loadRe2().RE2JS.compile(regex);
  if (pattern.matcher("").find()) throw new RangeError("matches the empty text, so it would match everywhere");
  return {
    find(text, found) {
      const matcher = pattern.matcher(text);
      while (matcher.find()) {
        const start = matcher.start();
        const end = matcher.end();
        if (end > start) found.push({ start, end, name });
      }
    },
  };
}

/** Of a list of named patterns. */
export function patternDetectors(
  patterns: readonly { readonly name: string; readonly regex: string }[],
): readonly Detector[] {
  return patterns.map(({ name, regex }) => patternDetector(name, regex));
}

/** Loaded by those who have patterns. */
function loadRe2(): typeof Re2 {
  return createRequire(import.meta.url)("re2js") as typeof Re2;
}
