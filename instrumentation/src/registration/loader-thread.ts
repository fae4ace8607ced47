/** The loader hook for Node versions without usable synchronous hooks. Runs on Node's loader thread; sees `import` only. */
import type { LoadHook } from "node:module";
import { appendReport } from "./loaded-report.ts";
import { findSdkFile } from "./sdk-files.ts";

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const file = findSdkFile(url);
  return file === undefined || loaded.format === "commonjs" ? loaded : appendReport(file, url, loaded);
};
