/**
 * Node's own `WebSocket`. It opens its connections by the dispatcher of a copy of undici that Node loads with the class, so whoever
 * reads the class is told first: the dispatcher can be looked at from then on. The class is given out behind a proxy that tells
 * of each socket that is made. Light, and there from a process's start; the class itself takes tens of milliseconds to load, and
 * is not before the app asks for it.
 */
import { isFirstPreload } from "../config/start-settings.ts";

export interface SocketWatch {
  /** Node's undici has been loaded; called again and again. */
  readonly loaded: () => void;
  /** A socket is about to be made: who is registered here may change by this. */
  readonly beforeMake?: () => void;
  /** Makes the socket by `make`. */
  readonly make?: (make: () => WebSocket, address: unknown) => WebSocket;
}

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

let watch: SocketWatch | undefined;
let wrapped: { readonly from: typeof WebSocket; readonly by: typeof WebSocket } | undefined;

/** The last one given counts. */
export function watchWebSocket(given: SocketWatch): void {
  const isFirst = watch === undefined;
  watch = given;
  if (isLoaded()) given.loaded();
  if (isFirst) install();
}

function isLoaded(): boolean {
  return (globalThis as Readonly<Record<symbol, unknown>>)[DISPATCHER] !== undefined;
}

function install(): void {
  const http = process.getBuiltinModule("node:http");
  const descriptor = Object.getOwnPropertyDescriptor(http, "WebSocket");
  // Not Node, or one that has it differently.
  if (descriptor?.get === undefined) return;
  const readOwn = (): unknown => descriptor.get?.call(http);
  const read = (): unknown => {
    const value = readOwn();
    watch?.loaded();
    return typeof value === "function" ? told(value as typeof WebSocket) : value;
  };
  Object.defineProperty(http, "WebSocket", { ...descriptor, get: read });
  if (!("WebSocket" in globalThis)) return;
  const set = (value: unknown): void => {
    Object.defineProperty(globalThis, "WebSocket", { value, writable: true, enumerable: false, configurable: true });
  };
  if (!isFirstPreload() && !isUnread("WebSocket")) {
    // It may be somebody's by now, which only reading it tells; if it is Node's, that has loaded undici.
    const value: unknown = globalThis.WebSocket;
    if (value === undefined || !isLoaded()) return;
    watch?.loaded();
    if (value === readOwn()) set(read());
    return;
  }
  const readGlobal = (): unknown => {
    const value = read();
    set(value);
    return value;
  };
  // V8 makes it when it is read, and also when it is defined anew.
  Reflect.deleteProperty(globalThis, "WebSocket");
  Object.defineProperty(globalThis, "WebSocket", { get: readGlobal, set, enumerable: false, configurable: true });
}

/**
 * Whether a global is still what V8 makes when it is first read. Neither reading it nor its descriptor may be asked: both make it. But
 * a look-up of getters goes on to the prototype past what V8 has yet to make, and ends at a value. False wherever that can't be told.
 */
function isUnread(name: string): boolean {
  const prototype = Object.getPrototypeOf(globalThis) as object;
  if (Object.hasOwn(prototype, name)) return false;
  const mark = (): undefined => undefined;
  try {
    Object.defineProperty(prototype, name, { get: mark, configurable: true });
    // oxlint-disable-next-line no-restricted-properties -- nothing else looks without reading
    return (globalThis as unknown as { __lookupGetter__(name: string): unknown }).__lookupGetter__(name) === mark;
  } catch {
    return false;
  } finally {
    Reflect.deleteProperty(prototype, name);
  }
}

/** The same class, whose sockets are told of. One made by its prototype's `constructor` is not: the dispatcher alone sees that. */
function told(from: typeof WebSocket): typeof WebSocket {
  if (wrapped?.from === from) return wrapped.by;
  const by = new Proxy(from, {
    construct(target, given: ConstructorParameters<typeof WebSocket>, newTarget) {
      const make = (): WebSocket => Reflect.construct(target, given, newTarget) as WebSocket;
      watch?.beforeMake?.();
      return watch?.make?.(make, given[0]) ?? make();
    },
  });
  wrapped = { from, by };
  return by;
}
