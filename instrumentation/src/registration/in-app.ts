/**
 * An app that registers itself, by `registerTollgate()`: it gets the doors that `--import` would have put there (front.ts), and the gate is
 * loaded when something comes to one of them, or at once where a known library is there already.
 */
import { HAS_FRONT } from "./module-hooks.ts";
import { installFront } from "./front.ts";
import { loadedSdks } from "./loaded-sdks.ts";
import type { Registration } from "./register-tollgate.ts";

export interface InAppOptions {
  /** The module of ours that the app has loaded, by its URL. */
  readonly entry: string;
  /** Loads the gate, and registers it. */
  readonly register: () => Registration;
}

/** As `fetch` in hook-fetch.ts has it: it is the gate's own. */
const FETCH = Symbol.for("tollgate.fetch");

let own: Registration | undefined;

/** Registers once; later calls return the same. */
export function registerInApp({ entry, register }: InAppOptions): Registration {
  own ??= HAS_FRONT && !isGated() ? withFront(entry, register) : register();
  return own;
}

/** By a preload, or by another copy of this package. */
function isGated(): boolean {
  return (globalThis.fetch as { readonly [FETCH]?: true } | undefined)?.[FETCH] === true;
}

function withFront(entry: string, register: () => Registration): Registration {
  let hasSeenAll = false;
  const front = installFront({ entry, hasSeenAll: () => hasSeenAll });
  const look = async (): Promise<void> => {
    if (front.registration === undefined && (await isAnyLoaded())) front.open();
    hasSeenAll = true;
    await front.registration?.ready;
  };
  return {
    ready: look(),
    // What is not loaded has nothing to send.
    flush: async () => front.registration?.flush(),
    // From now on calls are refused, and only the gate itself can do that.
    shutdown: () => (front.open() ?? register()).shutdown(),
  };
}

async function isAnyLoaded(): Promise<boolean> {
  for await (const _sdk of loadedSdks()) return true;
  return false;
}
