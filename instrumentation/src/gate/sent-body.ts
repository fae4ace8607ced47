/**
 * What is sent for an admitted request. An app's own code may change it after its admission: hooks of a subclass, middleware, a `fetch` of
 * its own, options that SDKs put over a body. What then leaves may ask for more than was admitted, of another model, elsewhere.
 */
import { TollgateError } from "../errors.ts";
import { bookProviderId } from "../pricing/provider-id.ts";
import type { Admission } from "./admission.ts";
import { inAnyCase } from "./any-case.ts";
import type { CallGuard } from "./call-guard.ts";
import { pricedName, UNNAMED_MODEL } from "./endpoint.ts";
import type { CallOptions } from "./call-options.ts";
import type { Body, Endpoint, RequestFacts } from "./endpoint.ts";

type SenderOptions = Pick<CallOptions, "endpoint" | "facts" | "guard">;

/** The call that it is sent for. */
export interface BodySender {
  readonly admission: Admission | undefined;
  readonly options: SenderOptions;
  giveWay(): void;
  stop(error: TollgateError): boolean;
}

/** A request as an SDK has made it, in the form that its call's endpoint reads. */
export interface MadeRequest {
  readonly url: string;
  /** `undefined` where others had a hand in it. */
  readonly text: string | undefined;
}

/** A request as it is about to leave. */
export interface LeavingRequest {
  readonly url: URL;
  /** `undefined`: it is no JSON. */
  readonly body: () => Body | undefined;
  /** As its own place has it. `undefined`: no call of a model. */
  readonly read: () => SentReading | undefined;
}

export interface SentReading {
  readonly endpoint: Endpoint;
  readonly body: Body;
  /** Whose host it goes to; `undefined`: nobody knows. */
  readonly provider?: string | undefined;
  /** Nobody can read it: at most its model is known. @default false */
  readonly isOpaque?: boolean;
}

export class SentBody {
  readonly #sender: BodySender;
  readonly #made: MadeRequest | undefined;
  #hasGivenWay = false;

  /** `made` is `undefined` for a call that was admitted in another form than that of its request. */
  constructor(sender: BodySender, made?: MadeRequest) {
    this.#sender = sender;
    this.#made = made;
  }

  /** Whether it is the very request that the SDK has made. */
  isAsMade(url: URL, text: string): boolean {
    const made = this.#made;
    return made !== undefined && text === made.text && isSame(made.url, url) && !this.#hasGivenWay;
  }

  /** Whether what was admitted covers it. */
  covers(leaving: LeavingRequest): boolean {
    if (this.#hasGivenWay) return false;
    const { admission, options } = this.#sender;
    if (admission === undefined) return true;
    const endpoint = this.endpointAt(leaving.url);
    const body = endpoint === undefined ? undefined : leaving.body();
    const reading = endpoint === undefined || body === undefined ? leaving.read() : { endpoint, body };
    if (reading === undefined) return true;
    const isOtherForm = this.#made === undefined;
    if (endpoint === undefined && !isOtherForm && !isOf(reading, options.endpoint)) return false;
    return isWithin(reading, { admission, asked: options.facts, isOtherForm });
  }

  /** By which the same place is read once more; `undefined`: it was admitted for another one, or in another form. */
  endpointAt(url: URL): Endpoint | undefined {
    const made = this.#made;
    return made !== undefined && isSame(made.url, url) ? this.#sender.options.endpoint : undefined;
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

/** Of requests that SDKs made of a text, and that nobody can change any more. */
const texts = new WeakMap<Request, string>();

export function rememberText(request: Request, text: string): Request {
  texts.set(request, text);
  return request;
}

export function knownText(request: Request): string | undefined {
  return texts.get(request);
}

function isSame(made: string, url: URL): boolean {
  return made === url.href || URL.parse(made)?.href === url.href;
}

/** A model may have another price at another provider. */
function isOf({ provider }: SentReading, { provider: admitted }: Endpoint): boolean {
  return provider === undefined || bookProviderId(provider) === bookProviderId(admitted);
}

interface Admitted {
  readonly admission: Admission;
  readonly asked: RequestFacts;
  readonly isOtherForm: boolean;
}

function isWithin(reading: SentReading, { admission, asked, isOtherForm }: Admitted): boolean {
  const { endpoint, body } = reading;
  const told = inAnyCase(endpoint, body).readRequest(body);
  const { facts, bounds, output } = admission;
  const isOfModel = isSameModel(told, facts, isOtherForm) || (!isOtherForm && body["model"] === undefined);
  // What the API's own SDK has made of the call, and nobody can read: it is of this call, as far as anybody can tell.
  if (reading.isOpaque === true && isOtherForm) return isOfModel || told.model === UNNAMED_MODEL;
  const outputAsked = told.outputBound ?? bounds.price?.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  const isOutputWithin = outputAsked * told.choices <= output * facts.choices;
  return isOfModel && isOutputWithin && isNoDearer(told, facts) && inputOf(told) <= inputWithin(asked, isOtherForm);
}

/** Frameworks may say less of whose model it is than the request does. */
function isSameModel(told: RequestFacts, facts: RequestFacts, isOtherForm: boolean): boolean {
  const nameOf = (of: RequestFacts): string =>
    isOtherForm ? pricedName({ ...of, model: of.model.slice(of.model.lastIndexOf("/") + 1) }) : pricedName(of);
  return nameOf(told) === nameOf(facts);
}

/** What its tokens are: some kinds cost more than others. */
function isNoDearer(told: RequestFacts, facts: RequestFacts): boolean {
  const isOfKind =
    (told.cacheWrites ? facts.cacheWrites : true) && (told.makesMedia === true ? mayBeMedia(facts) : true);
  return isOfKind && (told.otherModels ?? []).every((model) => facts.otherModels?.includes(model) === true);
}

/** Input that can't be counted is reserved as media. */
function mayBeMedia({ makesMedia, inputBound }: RequestFacts): boolean {
  return makesMedia === true || inputBound === undefined;
}

function inputWithin(asked: RequestFacts, isOtherForm: boolean): number {
  const input = inputOf(asked);
  return input + (isOtherForm ? FORM_SLACK_TOKENS + input * FORM_SLACK_SHARE : INPUT_SLACK_TOKENS);
}

/** By bytes: as the app's own body and what leaves can both be told. */
function inputOf({ model, inputBound = Number.POSITIVE_INFINITY, imageTokens, readings = 1 }: RequestFacts): number {
  const images = imageTokens === undefined ? 0 : (imageTokens(model) ?? Number.POSITIVE_INFINITY);
  return (inputBound + images) * readings;
}

/** What members beside the prompt weigh, of which apps add some; counted input is far above what a provider makes of it. */
const INPUT_SLACK_TOKENS = 256;
/** What the same conversation may weigh more as another form has it. */
const FORM_SLACK_TOKENS = 1_024;
const FORM_SLACK_SHARE = 0.25;
