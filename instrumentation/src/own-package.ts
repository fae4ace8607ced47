/**
 * What this package loads late: other packages by their names, and files of its own. Files lie beside it and packages are found from
 * there, but not in a bundle: what that has in it of those packages its entry hands over (bundled.ts), and one that is CommonJS does not even
 * know where it is.
 */
import { join } from "node:path";

const bundled = new Map<string, unknown>();

/** `packages` by their names, as `require` would give them. */
export function providePackages(packages: Readonly<Record<string, unknown>>): void {
  for (const [name, loaded] of Object.entries(packages)) bundled.set(name, loaded);
}

/** Throws where there is no such package. */
export function loadPackage(name: string): unknown {
  return bundled.get(name) ?? requireFrom(import.meta.url)(name);
}

/** `url` is that of the module that asks; without one, as the app's main script would. */
export function requireFrom(url: string | undefined): NodeJS.Require {
  // Not imported: webpack makes something of its own of that.
  return process
    .getBuiltinModule("node:module")
    .createRequire(url ?? process.argv[1] ?? join(process.cwd(), "index.js"));
}

/** A file beside the module that asks; `undefined` where that is nowhere. Bundlers would take `new URL` there for a file of theirs. */
export function fileBeside(url: string | undefined, path: string): URL | undefined {
  return url === undefined ? undefined : new URL(path, url);
}

type Imported = Promise<Readonly<Record<string, unknown>>>;

/** What only Node knows, as it knows what it has loaded: bundlers make something of their own of `import`, for what they have. */
export function importByNode(url: string): Imported {
  if (bundled.size === 0) return import(url) as Imported;
  const { constants, Script } = process.getBuiltinModule("node:vm");
  const options = { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
  const script = new Script("(url) => import(url)", options);
  return (script.runInThisContext() as (url: string) => Imported)(url);
}
