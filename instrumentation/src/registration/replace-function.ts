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
  set(alike(wrapped(original as AnyFunction), original));
  return true;
}

/** Calls `value` what `original` is called, with as many parameters: apps and their tools look at both. */
export function alike<T>(value: T, original: unknown): T {
  if (typeof value !== "function" || typeof original !== "function") return value;
  Object.defineProperty(value, "name", { value: original.name, configurable: true });
  Object.defineProperty(value, "length", { value: original.length, configurable: true });
  return value;
}
