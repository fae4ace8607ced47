/**
 * Puts the gate into the two classes of `cohere-ai` that make requests, `CohereClient` and `V2Client`: each operation has a
 * method whose name starts with two underscores, below the promise that the app gets, and sends through `_options.fetch`.
 */
import { gateMethod } from "../fetch-call/gate-method.ts";
import { watchFetch } from "../fetch-call/watch-fetch.ts";
import type { FetchHolder } from "../fetch-call/watch-fetch.ts";
import { isPatched, PATCHED } from "../stainless/patch-client.ts";
import { cohereEndpoint } from "./endpoints.ts";

interface Client {
  readonly _options?: FetchHolder;
}

/** Patches once. False for a class of another shape than the gate knows. */
export function patchCohere(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => /^__[a-z]/i.test(name));
  if (!names.includes("__chat")) return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  for (const name of names) gateMethod(prototype, name, { findEndpoint: cohereEndpoint, prepare });
  return true;
}

function prepare(client: object): void {
  const { _options: options } = client as Client;
  if (options !== undefined) watchFetch(options);
}
