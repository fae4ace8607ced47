import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { Config } from "../config/config.ts";
import { currentlyCarried, withCarried } from "../context/context.ts";

/**
 * Where nothing is active, the process's own context is: its spans belong to the span that it was started in, and the
 * propagators that are set up send on for whom it works.
 */
export class ProcessContextManager extends AsyncLocalStorageContextManager {
  readonly #root: Context;

  constructor({ context, startedIn }: Pick<Config, "context" | "startedIn">) {
    super();
    const root = startedIn === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, startedIn);
    this.#root = context.sends ? withCarried(root, currentlyCarried(context)) : root;
  }

  override active(): Context {
    const active = super.active();
    return active === ROOT_CONTEXT ? this.#root : active;
  }
}
