/** Where things are, from `src/demo` as from `dist/demo`: both stand two levels under the package's root. */
import { join } from "node:path";

/** Root of the package; child processes run here, so that `--import @tollgate/instrumentation/register` resolves. */
export const PACKAGE_ROOT: string = join(import.meta.dirname, "..", "..");

/** The built command line: what the demo starts is what users start. */
export const MAIN_PATH: string = join(PACKAGE_ROOT, "dist", "main.js");

export const AGENTS_PATH: string = join(PACKAGE_ROOT, "src", "demo", "agents");
