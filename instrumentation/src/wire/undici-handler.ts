/** A handler of undici in its two shapes (from version 7 on, and before), with somebody who is told first. */
import { findHeader } from "./undici-headers.ts";
import type { Headers } from "./undici-headers.ts";

const ASKED = Symbol("tollgate.asked");

type Method = (...args: unknown[]) => unknown;

export interface Handler {
  /** Its method that asks. */
  readonly [ASKED]?: Method | undefined;
  // Version 7 and later.
  readonly onRequestStart?: Method;
  readonly onResponseStart?: Method;
  readonly onResponseData?: Method;
  readonly onResponseEnd?: Method;
  readonly onResponseError?: Method;
  // Before.
  readonly onConnect?: Method;
  readonly onHeaders?: Method;
  readonly onData?: Method;
  readonly onComplete?: Method;
  readonly onError?: Method;
}

export interface Head {
  readonly status: number;
  readonly contentType: string;
  readonly contentEncoding: string;
}

export interface HandlerWatch {
  onStart?(abort: (reason: unknown) => void): void;
  onHead(head: Head): void;
  /** The connection is the app's from here on. */
  onUpgrade?(): void;
  /** What the handler gets. */
  onData?(chunk: Uint8Array): Uint8Array;
  /** What was held back. */
  onEnd?(): Uint8Array | undefined;
  /** The error that the handler gets. */
  onError?(error: unknown): unknown;
}

/** Whether it asks still: an interceptor may have made another of it, with its own method in the place of that which asks. */
export function isAsked(handler: Handler): boolean {
  const asking = handler[ASKED];
  return asking !== undefined && (handler.onRequestStart === asking || handler.onConnect === asking);
}

export interface StartWatch {
  /** Before anything is written, unless the handler itself gives it up then: false aborts it. */
  readonly mayStart: () => boolean;
  /** The head of an answer is there. */
  readonly onStatus: (status: number) => void;
}

/** `handler`, with somebody who is asked before anything is written. Light, for what each `fetch` sends. */
export function askBeforeStart(handler: Handler, { mayStart, onStatus }: StartWatch): Handler {
  // As `fetch` makes it, it is an object of its own methods, which may share what they put there.
  const isPlain = Object.getPrototypeOf(handler) === Object.prototype;
  const given = isPlain ? handler : watchHandler(handler, { onHead: () => {} });
  const { onRequestStart, onResponseStart, onConnect, onHeaders } = given;
  const asking = {
    ...given,
    ...(onResponseStart !== undefined && {
      onResponseStart(this: Handler, controller: unknown, status: unknown, ...rest: unknown[]): unknown {
        onStatus(Number(status));
        return onResponseStart.call(this, controller, status, ...rest);
      },
    }),
    ...(onHeaders !== undefined && {
      onHeaders(this: Handler, status: unknown, ...rest: unknown[]): unknown {
        onStatus(Number(status));
        return onHeaders.call(this, status, ...rest);
      },
    }),
    ...(onRequestStart !== undefined && {
      onRequestStart(this: Handler, controller: unknown, ...rest: unknown[]): void {
        onRequestStart.call(this, controller, ...rest);
        const { aborted } = controller as Controller;
        if (!aborted && !mayStart()) (controller as Controller).abort(unsent());
      },
    }),
    ...(onConnect !== undefined && {
      onConnect(this: Handler, abort: (reason: unknown) => void, ...rest: unknown[]): void {
        let isAborted = false;
        const abortOnce = (reason: unknown): void => {
          isAborted = true;
          abort(reason);
        };
        onConnect.call(this, abortOnce, ...rest);
        if (!isAborted && !mayStart()) abort(unsent());
      },
    }),
  } as Handler;
  return Object.assign(asking, { [ASKED]: asking.onRequestStart ?? asking.onConnect });
}

function unsent(): Error {
  return new DOMException("it was given up before it was sent", "AbortError");
}

interface Controller {
  readonly aborted: boolean;
  abort(reason: unknown): void;
}

/** `handler`, watched. It has the methods that `handler` has, so that undici takes it for the same shape. */
export function watchHandler(handler: Handler, watch: HandlerWatch): Handler {
  const given = handler as unknown as Readonly<Record<string, unknown>>;
  const watched: Record<string, Method> = {};
  const names = new Set<string>();
  for (let owner: object | null = handler; owner !== null && owner !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(owner)) if (name !== "constructor") names.add(name);
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  for (const name of names) {
    if (!name.startsWith("on") || typeof given[name] !== "function") continue;
    watched[name] = (...args) => (given[name] as Method).apply(handler, args);
  }
  return { ...watched, ...ofNew(watched, watch), ...ofOld(watched, watch) };
}

function ofNew(inner: Readonly<Record<string, Method>>, watch: HandlerWatch): Readonly<Record<string, Method>> {
  const { onRequestStart, onResponseStart, onResponseData, onResponseEnd, onResponseError } = inner;
  if (onRequestStart === undefined) return {};
  return {
    onRequestStart(controller, ...rest) {
      watch.onStart?.((reason) => (controller as Controller).abort(reason));
      return onRequestStart(controller, ...rest);
    },
    onResponseStart(controller, status, headers, ...rest) {
      tell(watch, Number(status), headers as Headers);
      return onResponseStart?.(controller, status, headers, ...rest);
    },
    onResponseData(controller, chunk) {
      const seen = dataFor(watch, chunk as Uint8Array);
      return seen.length === 0 ? undefined : onResponseData?.(controller, seen);
    },
    onResponseEnd(controller, ...rest) {
      const held = watch.onEnd?.();
      if (held !== undefined && held.length > 0) onResponseData?.(controller, Buffer.from(held));
      return onResponseEnd?.(controller, ...rest);
    },
    ...(inner["onRequestUpgrade"] !== undefined && {
      onRequestUpgrade(...args: unknown[]) {
        watch.onUpgrade?.();
        return inner["onRequestUpgrade"]?.(...args);
      },
    }),
    onResponseError: (controller, error) => onResponseError?.(controller, watch.onError?.(error) ?? error),
  };
}

function ofOld(inner: Readonly<Record<string, Method>>, watch: HandlerWatch): Readonly<Record<string, Method>> {
  const { onConnect, onHeaders, onData, onComplete, onError } = inner;
  if (onHeaders === undefined) return {};
  return {
    onConnect(abort, ...rest) {
      watch.onStart?.(abort as (reason: unknown) => void);
      return onConnect?.(abort, ...rest);
    },
    onHeaders(status, headers, ...rest) {
      tell(watch, Number(status), headers as Headers);
      return onHeaders(status, headers, ...rest);
    },
    onData(chunk) {
      const seen = dataFor(watch, chunk as Uint8Array);
      return seen.length === 0 ? true : onData?.(seen);
    },
    onComplete(...rest) {
      const held = watch.onEnd?.();
      if (held !== undefined && held.length > 0) onData?.(Buffer.from(held));
      return onComplete?.(...rest);
    },
    ...(inner["onUpgrade"] !== undefined && {
      onUpgrade(...args: unknown[]) {
        watch.onUpgrade?.();
        return inner["onUpgrade"]?.(...args);
      },
    }),
    onError: (error) => onError?.(watch.onError?.(error) ?? error),
  };
}

/** What the app may see of a piece. Who reads it takes it for what undici gives: bytes with the methods of a `Buffer`. */
function dataFor(watch: HandlerWatch, chunk: Uint8Array): Uint8Array {
  const seen = watch.onData?.(chunk) ?? chunk;
  return Buffer.isBuffer(seen) ? seen : Buffer.from(seen.buffer, seen.byteOffset, seen.byteLength);
}

function tell(watch: HandlerWatch, status: number, headers: Headers): void {
  if (status < 200) return;
  watch.onHead({
    status,
    contentType: findHeader(headers, "content-type") ?? "",
    contentEncoding: findHeader(headers, "content-encoding")?.toLowerCase() ?? "",
  });
}
