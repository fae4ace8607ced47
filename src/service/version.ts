import { createRequire } from "node:module";

/** The version of the package `tollgate`, from its package.json: one folder above `dist/`, or above `src/` in the clone. */
export const TOLLGATE_VERSION: string = (
  createRequire(import.meta.url)("../../package.json") as { readonly version: string }
).version;
