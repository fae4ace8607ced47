/**
 * Node's own `WebSocket` opens its connections by the dispatcher of a copy of undici that Node loads with the class, so whoever reads
 * the class is told first: the dispatcher can be looked at from then on. Light, and there from a process's start; the class itself takes
 * tens of milliseconds to load, and is not before the app asks for it.
 */
import { isFirstPreload } from "../config/start-settings.ts";

type OnLoaded = () => void;

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

let onLoaded: OnLoaded | undefined;

/** `loaded` is called when Node's undici has been loaded, and maybe again. The last one given counts. */
export function watchWebSocket(loaded: OnLoaded): void {
  const isFirst = onLoaded === undefined;
  onLoaded = loaded;
  if (isLoaded()) loaded();
  else if (isFirst) install();
}

function isLoaded(): boolean {
  return (globalThis as Readonly<Record<symbol, unknown>>)[DISPATCHER] !== undefined;
}

function install(): void {
  const http = process.getBuiltinModule("node:http");
  const descriptor = Object.getOwnPropertyDescriptor(http, "WebSocket");
  // Not Node, or one that has it differently.
  if (descriptor?.get === undefined) return;
  const read = (): unknown => {
    const value: unknown = descriptor.get?.call(http);
    onLoaded?.();
    return value;
  };
  Object.defineProperty(http, "WebSocket", { ...descriptor, get: read });
  if (!("WebSocket" in globalThis)) return;
  if (!isFirstPreload()) {
    // It may be somebody's by now, which only reading it tells; if it is Node's, that has loaded undici.
    if (globalThis.WebSocket !== undefined && isLoaded()) onLoaded?.();
    return;
  }
  const set = (value: unknown): void => {
    Object.defineProperty(globalThis, "WebSocket", { value, writable: true, enumerable: false, configurable: true });
  };
  const readGlobal = (): unknown => {
    const value = read();
    set(value);
    return value;
  };
  // V8 makes it when it is read, and also when it is defined anew.
  Reflect.deleteProperty(globalThis, "WebSocket");
  Object.defineProperty(globalThis, "WebSocket", { get: readGlobal, set, enumerable: false, configurable: true });
}
