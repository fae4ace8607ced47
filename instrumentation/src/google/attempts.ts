/**
 * What becomes of one call on the wire. `@google/genai` repeats requests itself where `retryOptions` say so, below the place
 * where the call is admitted: each further attempt needs money of its own, and one that failed may have been billed.
 */
import { asBody } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { SentBody } from "../gate/sent-body.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface AttemptsOptions {
  readonly call: GatedCall;
  /** Parameters as admitted. */
  readonly params: Body;
  /** The bodies get fields that were not admitted with them: the bound is written over those. */
  readonly hasExtraBody: boolean;
  /** Answers in place of the provider: nothing is sent. */
  readonly answer?: string;
}

export class Attempts {
  /** Nothing has been sent: the call costs nothing. */
  isUnsent = true;
  readonly #options: AttemptsOptions;
  #params: Body;
  #refusal: { readonly error: unknown } | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#params = options.params;
  }

  /** `fetch` for each attempt of this call. */
  through(fetch: Fetch): Fetch {
    return async (url, init) => {
      const { call, hasExtraBody, answer } = this.#options;
      if (answer !== undefined) return answered(answer, call.options.facts.isStreamed);
      const isRetry = !this.isUnsent;
      if (isRetry) await this.#admitAgain();
      this.isUnsent = false;
      const body = isRetry || hasExtraBody ? withBound(init.body, this.#params) : undefined;
      const sent = body === undefined ? init : { ...init, body };
      call.body = new SentBody(call);
      try {
        const response = await fetch(url, sent);
        if (!response.ok) call.releaseAttempt();
        return response;
      } catch (error) {
        call.giveUpAttempt(error);
        throw error;
      }
    };
  }

  /** The SDK also repeats what the gate refused: it is refused in the same words, and not asked again. */
  async #admitAgain(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal.error;
    try {
      const plan = await this.#options.call.begin();
      if (plan.do === "answer") throw plan.error;
      if (plan.do === "send") this.#params = plan.body;
    } catch (error) {
      this.#refusal = { error };
      throw error;
    }
  }
}

/** As the API sends it, so that the SDK makes its own objects of it. */
function answered(answer: string, isStreamed: boolean): Response {
  const body = isStreamed ? `data: ${answer}\n\n` : answer;
  return new Response(body, { headers: { "content-type": isStreamed ? "text/event-stream" : "application/json" } });
}

/** `undefined`: the body stays as it is. */
function withBound(body: RequestInit["body"], params: Body): string | undefined {
  const bound = asBody(params["config"])?.["maxOutputTokens"];
  if (typeof body !== "string" || bound === undefined) return undefined;
  const json = JSON.parse(body) as Body;
  return JSON.stringify({ ...json, generationConfig: { ...asBody(json["generationConfig"]), maxOutputTokens: bound } });
}
