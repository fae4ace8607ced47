/**
 * What `import "@tollgate/instrumentation"` loads in Node: the errors, and of everything else only the names. What is behind them (index.ts)
 * is loaded by the first that is used, or by what comes to the doors of a registered process. Bundlers, Bun and Deno get index.ts.
 */
import { createRequire } from "node:module";
import type * as whole from "./index.ts";
import { ConfigInvalid } from "./public-errors.ts";
import { installedFront } from "./registration/front.ts";
import { registerInApp } from "./registration/in-app.ts";
import { CAN_REQUIRE_ESM, HAS_FRONT } from "./registration/module-hooks.ts";

export * from "./public-errors.ts";

type Whole = typeof whole;

const NO_REQUIRE =
  "@tollgate/instrumentation loads its parts as the app asks for them, which `--no-require-module` (`--no-experimental-require-module`) forbids: remove it";

let loaded: Whole | undefined;

function load(): Whole {
  // The gate first, where the process is registered: what it sets up holds for all that follows.
  installedFront()?.open();
  if (!CAN_REQUIRE_ESM) throw new ConfigInvalid([NO_REQUIRE]);
  loaded ??= createRequire(import.meta.url)("./index.js") as Whole;
  return loaded;
}

export const registerTollgate: Whole["registerTollgate"] = (...options) =>
  loaded === undefined && options.length === 0
    ? registerInApp({ entry: import.meta.url, register: () => load().registerTollgate() })
    : load().registerTollgate(...options);

export const flush: Whole["flush"] = async () => {
  if (!CAN_REQUIRE_ESM) return (await import("./index.ts")).flush();
  const isLoaded = loaded !== undefined || !HAS_FRONT || installedFront()?.registration !== undefined;
  return isLoaded ? load().flush() : Promise.resolve();
};

export const withContext: Whole["withContext"] = (context, fn) => (loaded ?? load()).withContext(context, fn);

export const guard: Whole["guard"] = (client, options) => load().guard(client, options);

export const guardTool: Whole["guardTool"] = (...options) => load().guardTool(...options);

/** The class itself, to all who make, extend or ask for one. */
export const Policy: Whole["Policy"] = new Proxy(function Policy() {} as unknown as Whole["Policy"], {
  construct: (_target, given, made) =>
    Reflect.construct(load().Policy, given, made === Policy ? load().Policy : made) as object,
  get: (_target, key) => Reflect.get(load().Policy, key) as unknown,
  has: (_target, key) => Reflect.has(load().Policy, key),
});
