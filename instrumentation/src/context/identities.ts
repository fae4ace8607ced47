import type { Baggage } from "@opentelemetry/api";
import type { Config } from "../config/config.ts";
import type { Who } from "../gate/call-span.ts";
import type { HelloReply } from "../protocol.ts";
import { currentPlace } from "./context.ts";
import { identify } from "./identify.ts";

interface Known {
  readonly baggage: Baggage | undefined;
  readonly hello: HelloReply | undefined;
  readonly who: Who;
}

/**
 * Who makes a call, worked out once for each context: what a context, its baggage and the ledger's word say never changes, only which
 * of them hold. For one `Config`.
 */
export class Identities {
  readonly #known = new WeakMap<object, Known>();

  who(config: Config, hello: HelloReply | undefined): Who {
    const { context, baggage } = currentPlace();
    const known = this.#known.get(context);
    if (known !== undefined && known.hello === hello && known.baggage === baggage) return known.who;
    const who = identify(config, hello);
    this.#known.set(context, { baggage, hello, who });
    return who;
  }
}
