import { AsyncLocalStorage } from "node:async_hooks";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Context, ContextManager } from "@opentelemetry/api";

/** OpenTelemetry's context over AsyncLocalStorage, for processes in which nobody else set one up. */
export class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...parameters: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...parameters: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => fn.apply(thisArg, parameters));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const run = (thisArg: unknown, parameters: unknown[]): unknown =>
      this.#storage.run(context, () => Reflect.apply(target, thisArg, parameters) as unknown);
    const bound = function (this: unknown, ...parameters: unknown[]): unknown {
      return run(this, parameters);
    };
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
