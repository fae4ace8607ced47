import type { Detector } from "./detectors.ts";
import { loadPackage } from "../own-package.ts";

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

/** What is used of the package. */
interface Re2 {
  readonly RE2JS: { compile(regex: string): Re2Pattern };
}

interface Re2Pattern {
  matcher(text: string): { find(): boolean; start(): number; end(): number };
}

const PACKAGE: string = "re2js";

/** Loaded by those who have patterns; in an agent it is an optional peer. */
function loadRe2(): Re2 {
  return loadPackage(PACKAGE) as Re2;
}
