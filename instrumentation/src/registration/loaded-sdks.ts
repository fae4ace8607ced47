import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { CAN_HOOK, hasReported, importLoaded } from "./module-hooks.ts";
import { requireFrom } from "../own-package.ts";
import { SDK_FILES } from "./sdk-files.ts";

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
  for (const { name, className, functions, entry, files } of SDK_FILES) {
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
        const { href } = pathToFileURL(location);
        const loaded = await importLoaded(href);
        // Functions are replaced while they load, or not at all.
        if (loaded === undefined || (functions !== undefined && hasReported(href))) continue;
        yield { name, clientClass: loaded[className], location };
      } catch (problem) {
        yield { name, clientClass: undefined, location, problem: String(problem) };
      }
    }
  }
}
