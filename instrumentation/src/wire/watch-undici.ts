/**
 * Node's own copy of undici, which no hook for modules sees: it is loaded by the first `fetch`, and by then that may be a function that
 * somebody took before an app registered itself. What it asks for as it is loaded is whether there is a dispatcher; the next thing that
 * is made is its own. Light, and it loads nothing.
 */
import { EventEmitter } from "node:events";

type Loaded = (dispatcher: object) => void;

const DISPATCHERS = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")] as const;

let loaded: Loaded | undefined;
let isAwaited = false;

/** `given` is told of each dispatcher while it is made, before it sends anything. The last one given counts. */
export function watchUndici(given: Loaded): void {
  const isFirst = loaded === undefined;
  loaded = given;
  if (!isFirst) return;
  for (const symbol of DISPATCHERS) {
    if (Object.hasOwn(globalThis, symbol)) continue;
    const get = (): undefined => awaitDispatcher();
    const set = (value: unknown): void => {
      Object.defineProperty(globalThis, symbol, { value, writable: true, enumerable: false, configurable: true });
    };
    Object.defineProperty(globalThis, symbol, { get, set, enumerable: false, configurable: true });
  }
}

/** It is an emitter of events, as all of undici's are; what else is made meanwhile has no `dispatch`. */
function awaitDispatcher(): undefined {
  const emitters = EventEmitter as unknown as { init: (this: object, ...args: unknown[]) => unknown };
  if (isAwaited) return;
  isAwaited = true;
  const { init } = emitters;
  const watching: typeof init = function (...args) {
    if ("dispatch" in this && typeof this.dispatch === "function") {
      stop();
      loaded?.(this);
    }
    return init.apply(this, args);
  };
  const stop = (): void => {
    isAwaited = false;
    if (emitters.init === watching) emitters.init = init;
  };
  emitters.init = watching;
  // It is made in the same breath, or not at all: somebody only asked.
  queueMicrotask(stop);
}
