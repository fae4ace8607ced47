/** The policy engine: pure, without I/O or clock. The gate decides with it, the processor replays with it. */
export { compileGlob, foldCase, GlobError } from "./glob.ts";
