import type { LoadedFunctions } from "./loaded-report.ts";

type AnyFunction = (...parameters: unknown[]) => unknown;

/** Puts another function in the place of one of a module. False when the module has none of that name. */
export function replaceFunction(
  functions: LoadedFunctions,
  name: string,
  wrapped: (original: AnyFunction) => AnyFunction,
): boolean {
  const place = functions[name];
  if (place === undefined || typeof place[0] !== "function") return false;
  const [original, set] = place;
  set(wrapped(original as AnyFunction));
  return true;
}
