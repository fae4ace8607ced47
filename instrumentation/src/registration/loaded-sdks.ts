import { existsSync } from "node:fs";
import { dirname, extname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { CAN_HOOK, hasReported, hasReportedIn, importLoaded } from "./module-hooks.ts";
import { requireFrom } from "../own-package.ts";
import { SDK_FILES } from "./sdk-files.ts";
import type { SdkFile } from "./sdk-files.ts";

export interface LoadedSdk {
  readonly name: string;
  readonly clientClass: unknown;
  readonly location: string;
  /** Why the file does not load. */
  readonly problem?: string;
}

/**
 * What is loaded of the known SDKs, and was not seen as it was loaded. ESM that was imported before cannot be seen, only imported again,
 * which gives the same module: so each file of a known SDK that the app's main script can resolve is asked for.
 */
export async function* loadedSdks(): AsyncGenerator<LoadedSdk> {
  const require = requireFrom(undefined);
  for (const sdk of SDK_FILES) {
    const { name, className, functions, contains, entry, files } = sdk;
    let folder: string;
    try {
      folder = dirname(require.resolve(entry));
    } catch {
      continue;
    }
    // Bun has some of its own.
    if (!isAbsolute(folder)) continue;
    for (const file of files) {
      const location = join(folder, file);
      // Versions differ in the twins that they have.
      if (!existsSync(location) || (functions !== undefined && !CAN_HOOK)) continue;
      try {
        const loaded = await importLoaded(pathToFileURL(location).href);
        if (loaded === undefined) continue;
        // Functions are replaced while they load, or not at all; a class may come from another file than the one that was seen.
        if ((functions ?? contains) !== undefined && isSeen(sdk, location)) continue;
        yield { name, clientClass: loaded[className], location };
      } catch (problem) {
        yield { name, clientClass: undefined, location, problem: String(problem) };
      }
    }
  }
}

/** Which of a package's files have the functions may be told by their texts only: then one of the same module system speaks for all. */
function isSeen({ name, contains }: Pick<SdkFile, "name" | "contains">, location: string): boolean {
  if (contains === undefined) return hasReported(location);
  const within = join("node_modules", name);
  const folder = location.slice(0, location.lastIndexOf(within) + within.length);
  return hasReportedIn(folder, extname(location));
}
