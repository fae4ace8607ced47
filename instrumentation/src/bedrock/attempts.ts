/**
 * What becomes of one call on the wire. The SDK's retries are a middleware; this one stands behind it, before the request is
 * signed, so it sees each attempt, its status and its headers.
 */
import { context } from "@opentelemetry/api";
import { asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { SentBody } from "../gate/sent-body.ts";

export interface AttemptArguments {
  readonly request?: unknown;
}

export interface AttemptResult {
  readonly response?: unknown;
  readonly output?: unknown;
}

export type Next = (args: AttemptArguments) => Promise<AttemptResult>;

/** HTTP's request as the SDK holds it. */
interface WireRequest {
  body?: unknown;
  headers: Record<string, string>;
}

export class Attempts {
  readonly #call: GatedCall;
  /** The body that goes on the wire for an input; `undefined` for one that stays as it is. */
  readonly #withBound: (wire: Body, admitted: Body) => Body;
  #isFirst = true;
  #refusal: { readonly error: unknown } | undefined;
  /** Of the answer. */
  headers: Readonly<Record<string, string>> = {};

  constructor(call: GatedCall, withBound: (wire: Body, admitted: Body) => Body) {
    this.#call = call;
    this.#withBound = withBound;
  }

  /** What the gate said, which the SDK may have wrapped. */
  get refusal(): unknown {
    return this.#refusal?.error;
  }

  /** True when no attempt was made: the SDK could not make a request of the input. */
  get isUnsent(): boolean {
    return this.#isFirst;
  }

  async attempt(next: Next, args: AttemptArguments): Promise<AttemptResult> {
    const isRetry = !this.#isFirst;
    this.#isFirst = false;
    if (isRetry) await this.#admitAgain(args.request as WireRequest);
    const call = this.#call;
    call.body = new SentBody(call);
    try {
      const result = await context.with(call.context, () => next(args));
      this.headers = (result.response as { headers?: Record<string, string> } | undefined)?.headers ?? {};
      return result;
    } catch (error) {
      if (statusOf(error) !== undefined) call.releaseAttempt();
      else call.giveUpAttempt(error);
      throw error;
    }
  }

  /** The SDK may try again what the gate refused: it is refused in the same words, and not asked again. */
  async #admitAgain(request: WireRequest): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal.error;
    try {
      const plan = await this.#call.begin();
      if (plan.do !== "send") return;
      const wire = typeof request.body === "string" ? asBody(JSON.parse(request.body)) : undefined;
      if (wire === undefined) return;
      const body = JSON.stringify(this.#withBound(wire, plan.body));
      request.body = body;
      request.headers["content-length"] = String(Buffer.byteLength(body));
    } catch (error) {
      this.#refusal = { error };
      throw error;
    }
  }
}

/** The status of an answer that says no. What came with 200 and could not be read may have been billed. */
function statusOf(error: unknown): number | undefined {
  const { $metadata, $response } = (error ?? {}) as { $metadata?: unknown; $response?: unknown };
  const status = asCount(asBody($metadata)?.["httpStatusCode"]) ?? asCount(asBody($response)?.["statusCode"]);
  return status !== undefined && status >= 300 ? status : undefined;
}
