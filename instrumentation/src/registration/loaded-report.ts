import type { LoadFnOutput } from "node:module";
import type { SdkFile } from "./sdk-files.ts";

/** The global function that the added line calls; `Symbol.for`, because the line runs in the SDK's own module. */
export const LOADED = Symbol.for("tollgate.loaded");

/** The module with a line at its end that reports its client class. Source that Node has not read is left to Node. */
export function appendReport(file: SdkFile, url: string, loaded: LoadFnOutput): LoadFnOutput {
  const { source } = loaded;
  if (source === undefined || source === null) return loaded;
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  const owner = loaded.format === "commonjs" ? `exports.${file.className}` : file.className;
  const call = `globalThis[Symbol.for("tollgate.loaded")]?.(${JSON.stringify(file.name)},${owner},${JSON.stringify(url)});`;
  return { ...loaded, source: `${text}\n;${call}\n` };
}
