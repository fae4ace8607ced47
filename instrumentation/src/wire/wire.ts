/**
 * The second line: what `fetch`, `undici` and `node:http` are about to send is looked at once more. A call of a model that no
 * library's patch has gated is gated here, by the same bounds and the same reading of usage; what one has gated passes; the
 * rest goes by the agent's list of endpoints. Tollgate's own requests are none of its business.
 */
import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { providerBase } from "../config/providers.ts";
import type { ProviderBase } from "../config/providers.ts";
import { TollgateError } from "../errors.ts";
import { callInFlight, isRequestOf, isSentAgain } from "../gate/current-call.ts";
import type { CallInFlight, Hop, Sender } from "../gate/current-call.ts";
import { asBody } from "../gate/endpoint.ts";
import type { SentBody } from "../gate/sent-body.ts";
import type { Gate } from "../gate/gate.ts";
import { GatedCall } from "../gate/gated-call.ts";
import { standingRefusal } from "../gate/standing-refusal.ts";
import type { HelloReply } from "../protocol.ts";
import * as semconv from "../semconv.ts";
import { serverOf, startCall } from "../stainless/patch-client.ts";
import { openRequest } from "./dialects.ts";
import { Egress } from "./egress.ts";
import type { Outgoing } from "./egress.ts";
import { mayBeModelPath, mayRunModel, modelPath } from "./model-path.ts";
import { isFree, isOfProvider, providerOf } from "./providers.ts";
import type { ProviderHost } from "./providers.ts";
import { readBody } from "./request-body.ts";
import { WireCall } from "./wire-call.ts";

export type Verdict =
  | { readonly do: "pass" }
  /** A gated call sends it: its answer is that call's. */
  | { readonly do: "covered"; readonly by: CallInFlight; readonly hop: Hop; readonly host: ProviderHost | undefined }
  | { readonly do: "refuse"; readonly error: TollgateError }
  /** Rejects with the refusal. */
  | { readonly do: "wait"; readonly until: Promise<undefined> }
  /** A model call, or what looks like one: its body decides. */
  | { readonly do: "read"; readonly host: ProviderHost | undefined };

export interface WireRequest extends Outgoing {
  /** `undefined`: it can't be read. */
  readonly body: string | Uint8Array | undefined;
  /** Headers by lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** On its way, so that nothing of it can be changed. */
  readonly isSent?: boolean;
  readonly host: ProviderHost | undefined;
  readonly via: Sender;
  readonly signal: AbortSignal | undefined;
  /** The app's context when it sent it. */
  readonly parent: Context;
  /** Of an admitted call that was to send it, before the app's own code changed it. */
  readonly insteadOf?: SentBody | undefined;
}

/** A request before its body is known. */
export interface Leaving extends Outgoing {
  readonly isUpgrade?: boolean;
  /** What sends it. Absent: it may be a request that is on its way, seen once more. */
  readonly via?: Sender | undefined;
  /** A request that has left before, and was never answered. @default false */
  readonly isAgain?: boolean;
  /** Whom its `Host` header names, where that is not the host it goes to: an address was looked up by hand, or there is a proxy. */
  readonly named?: URL | undefined;
}

export type MadeByCall = Pick<Extract<Verdict, { readonly do: "covered" }>, "by" | "hop">;

const PASS: Verdict = { do: "pass" };
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html */
const SIGNED = /^AWS4-/;

export class Wire {
  readonly #gate: Gate;
  readonly #egress: Egress;
  readonly #own: ReadonlySet<string>;
  readonly #onUngated: (userAgent: string) => void;
  /** `fetch` comes with the same objects for the same URLs. */
  readonly #places = new WeakMap<URL, Place>();
  #bases: readonly ProviderBase[];
  #basesOf: HelloReply | undefined;

  /** `onUngated` is told what the sender of a call that nobody else gates calls itself. */
  constructor(gate: Gate, onUngated: (userAgent: string) => void = () => {}) {
    this.#gate = gate;
    this.#onUngated = onUngated;
    this.#egress = new Egress(gate);
    this.#bases = gate.config.providers;
    const { endpoint, tracesUrl } = gate.config;
    this.#own = new Set([endpoint?.origin, URL.parse(tracesUrl)?.origin].filter((origin) => origin !== undefined));
  }

  /** What becomes of a request, before its body is known. Never throws. */
  judge(request: Leaving): Verdict {
    try {
      return this.#judge(request);
    } catch (problem) {
      if (problem instanceof TollgateError) return { do: "refuse", error: problem };
      const error = this.#gate.contain(problem);
      return error === undefined ? PASS : { do: "refuse", error };
    }
  }

  /**
   * The call whose SDK has made this very request and not sent it yet. A queue that apps put before their requests sends them in nobody's
   * context, or in that of the call before.
   */
  callMaking(request: Leaving, text: string): MadeByCall | undefined {
    for (const call of this.#gate.open) {
      if (!(call instanceof GatedCall) || call.isEnded || call.isAnswered || call.sent !== undefined) continue;
      if (call.isSpent || call.departure.mayHaveLeft) continue;
      if (call.body?.isAsMade(request.url, text) === true) return { by: call, hop: this.#placeOf(request).hop };
    }
    return undefined;
  }

  isOfProvider(url: URL): boolean {
    return isOfProvider(url, this.#providerBases());
  }

  /** Bytes to a provider that no request sends which was seen. Returns when they may go; throws the typed errors. */
  admitBytes(url: URL): undefined | Promise<undefined> {
    try {
      return this.#egress.passBytes(url);
    } catch (problem) {
      if (problem instanceof TollgateError) throw problem;
      const error = this.#gate.contain(problem);
      if (error !== undefined) throw error;
      return undefined;
    }
  }

  #judge(request: Leaving): Verdict {
    const { isOwn, isModel, host, hop } = this.#placeOf(request);
    if (isOwn) return PASS;
    if (isModel) {
      const by = callInFlight();
      if (by !== undefined && covers(by, request)) {
        if (request.isAgain !== true && !isSentAgain(by, request.via)) return { do: "covered", by, hop, host };
        by.giveUpAttempt?.();
      }
      // What leaves before its body is known: on a host that may serve anything else too, only the body tells a call.
      if (request.via === "http2" && host !== undefined) this.#refuseEarly(request, host);
      return { do: "read", host };
    }
    if (host !== undefined) return PASS;
    const until = this.#egress.pass(request);
    return until === undefined ? PASS : { do: "wait", until };
  }

  /** Refuses, on record, what can't be made whatever its body is. */
  #refuseEarly({ url }: Leaving, host: ProviderHost): void {
    const error = standingRefusal(this.#gate);
    if (error === undefined) return;
    const body = {};
    const opened = openRequest({ path: modelPath(url.pathname), body, isFrozen: true, host });
    if (opened === undefined) return;
    const { endpoint } = opened;
    const rest = { server: serverOf(url.origin), signal: undefined, guard: undefined, parent: context.active() };
    const call = startCall(this.#gate, () => ({ endpoint, body, facts: endpoint.readRequest(body), ...rest }));
    call?.span.setAttribute(semconv.ATTR_TOLLGATE_WIRE, "http2");
    call?.stop(error);
    void call?.begin();
  }

  #placeOf({ method, url, isUpgrade = false, named }: Leaving): Place {
    const bases = this.#providerBases();
    const known = this.#places.get(url);
    if (known !== undefined && known.bases === bases && known.method === method && !isUpgrade && named === undefined)
      return known;
    const host = providerOf(url, bases) ?? (named === undefined ? undefined : providerOf(named, bases));
    const path = modelPath(url.pathname);
    const place: Place = {
      bases,
      method,
      host,
      isOwn: this.#own.has(url.origin),
      isModel:
        host === undefined
          ? mayRunModel(method) && mayBeModelPath(path)
          : !isFree({ method, path, provider: host.provider, isUpgrade }),
      hop: { origin: url.origin, path: url.pathname + url.search },
    };
    if (!isUpgrade && named === undefined) this.#places.set(url, place);
    return place;
  }

  /** Admits the call. `undefined`: it is none, or goes unchecked. Throws the typed errors. */
  async open(request: WireRequest): Promise<WireCall | undefined> {
    try {
      return await this.#open(request);
    } catch (error) {
      request.insteadOf?.refuse(error);
      throw error;
    }
  }

  async #open(request: WireRequest): Promise<WireCall | undefined> {
    const { url, host, signal, parent, via, insteadOf, header } = request;
    const { json, text, isPlain } = readBody(request.body, header);
    // What is packed, or in other letters than ours would be, is read, and goes as it is.
    const isFrozen = request.isSent === true || !isPlain || SIGNED.test(header("authorization") ?? "");
    const body = asBody(json);
    const path = modelPath(url.pathname);
    const opened = openRequest({ path, body, text, isFrozen, host, header, endpoint: insteadOf?.endpointAt(url) });
    if (opened === undefined) {
      await this.#egress.pass(request);
      return undefined;
    }
    this.#onUngated(header("user-agent") ?? header("x-goog-api-client") ?? "");
    const { endpoint } = opened;
    insteadOf?.giveWay();
    const call = startCall(this.#gate, () => ({
      endpoint,
      body: opened.body,
      facts: endpoint.readRequest(opened.body),
      server: serverOf(url.origin),
      signal,
      guard: insteadOf?.guard,
      parent,
    }));
    if (call === undefined) return undefined;
    call.span.setAttribute(semconv.ATTR_TOLLGATE_WIRE, via);
    const plan = await context.with(parent, () => call.begin());
    try {
      const sent = plan.do === "send" ? opened.toWire(plan.body) : { body: undefined, path };
      return new WireCall(call, {
        body: sent.body === undefined || isFrozen ? undefined : JSON.stringify(sent.body),
        path: sent.path === path ? undefined : sent.path,
        isFrozen,
      });
    } catch (problem) {
      call.releaseAttempt();
      call.end(problem);
      if (isFrozen || insteadOf !== undefined) throw problem;
      // What is nested too deep can be read and not be written: it goes as it is.
      return this.#open({ ...request, isSent: true });
    }
  }

  #providerBases(): readonly ProviderBase[] {
    const { hello, config } = this.#gate;
    if (hello === this.#basesOf) return this.#bases;
    this.#basesOf = hello;
    const fleet = Object.entries(hello?.egress?.providers ?? {}).map(([host, provider]) =>
      providerBase(provider, host),
    );
    this.#bases = [...fleet.filter((base) => base !== undefined), ...config.providers];
    return this.#bases;
  }
}

function covers(by: CallInFlight, { isUpgrade = false, via }: Leaving): boolean {
  if (by.isSpent === true || (by.isOpening === true && !isUpgrade)) return false;
  return isRequestOf(by, via);
}

/** What is known of a request by its method and URL. */
interface Place {
  readonly bases: readonly ProviderBase[];
  readonly method: string;
  readonly host: ProviderHost | undefined;
  readonly isOwn: boolean;
  /** It is a call of a model, or may be one. */
  readonly isModel: boolean;
  readonly hop: Hop;
}

let wire: Wire | undefined;

/** From now on requests pass `next`; `undefined`: none is looked at. */
export function registerWire(next: Wire | undefined): void {
  wire = next;
}

export function registeredWire(): Wire | undefined {
  return wire;
}
