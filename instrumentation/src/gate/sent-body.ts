/**
 * The body that an SDK has made of an admitted request. An app's own code may change it after that: hooks of a subclass, middleware, a
 * `fetch` of its own. What then leaves may ask for more than was admitted, or for another model.
 */
import { TollgateError } from "../errors.ts";
import type { Admission } from "./admission.ts";
import type { CallGuard } from "./call-guard.ts";
import { asBody, pricedName } from "./endpoint.ts";
import type { CallOptions } from "./call-options.ts";
import type { Body, RequestFacts } from "./endpoint.ts";

type SenderOptions = Pick<CallOptions, "endpoint" | "facts" | "guard">;

/** The call that it is the body of. */
export interface BodySender {
  readonly admission: Admission | undefined;
  readonly options: SenderOptions;
  giveWay(): void;
  stop(error: TollgateError): boolean;
}

export class SentBody {
  readonly #sender: BodySender;
  readonly #text: string | undefined;
  #hasGivenWay = false;

  /** `text`: as the SDK has made it; `undefined` where others had a hand in it. */
  constructor(sender: BodySender, text: string | undefined) {
    this.#sender = sender;
    this.#text = text;
  }

  /** Whether what was admitted covers `text`. */
  covers(text: string): boolean {
    if (this.#hasGivenWay) return false;
    if (text === this.#text) return true;
    const { admission, options } = this.#sender;
    const body = parse(text);
    return admission === undefined || body === undefined || isWithin(body, admission, options);
  }

  /** Another call sends it, and is admitted by itself. */
  giveWay(): void {
    this.#hasGivenWay = true;
    this.#sender.giveWay();
  }

  /** Nothing is sent, and the app gets the error itself. */
  refuse(error: unknown): void {
    if (error instanceof TollgateError) this.#sender.stop(error);
  }

  get guard(): CallGuard | undefined {
    return this.#sender.options.guard;
  }
}

function isWithin(
  body: Body,
  { facts, bounds, output }: Admission,
  { endpoint, facts: asked }: SenderOptions,
): boolean {
  const told = endpoint.readRequest(body);
  // Clouds name the model in the path.
  const isOfModel = body["model"] === undefined || pricedName(told) === pricedName(facts);
  const outputAsked = told.outputBound ?? bounds.price?.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  const isOutputWithin = outputAsked * told.choices <= output * facts.choices;
  return isOfModel && isOutputWithin && inputOf(told) <= inputOf(asked) + INPUT_SLACK_TOKENS;
}

/** By bytes: as the app's own body and what leaves can both be told. */
function inputOf({ inputBound = Number.POSITIVE_INFINITY, readings = 1 }: RequestFacts): number {
  return inputBound * readings;
}

/** What members beside the prompt weigh, of which apps add some; counted input is far above what a provider makes of it. */
const INPUT_SLACK_TOKENS = 256;

function parse(text: string): Body | undefined {
  try {
    return asBody(JSON.parse(text));
  } catch {
    return undefined;
  }
}
