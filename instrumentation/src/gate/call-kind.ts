/**
 * What is the same for all calls of one caller by one operation of one model at one server: a process makes few kinds of calls, and many of
 * each. It is worked out for the first of a kind.
 */
import { SpanKind } from "@opentelemetry/api";
import * as semconv from "../semconv.ts";
import type { CallLabels } from "./admission.ts";
import { whoAttributes } from "./call-span.ts";
import type { Server, Who } from "./call-span.ts";
import type { Endpoint, RequestFacts } from "./endpoint.ts";
import { Beginning } from "../telemetry/gate-span.ts";
import type { GateSpanOptions } from "../telemetry/gate-span.ts";

export interface CallKind {
  readonly who: Who;
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly server: Server | undefined;
  /** What budgets tell such calls apart by. The same object for the same caller, provider and model, whatever the endpoint. */
  readonly labels: CallLabels;
  readonly spanName: string;
  /** Not to be changed: they are those of many spans. */
  readonly spanOptions: GateSpanOptions;
}

/** Kinds of late; each is made anew when it comes again after so many others. */
const KINDS_MAX = 32;
/** Names of models that are remembered for one caller; who uses more makes them up. */
const MODELS_MAX = 64;

export class CallKinds {
  readonly #known: CallKind[] = [];
  /** By provider and model: the same object for the same call, so that what is found by it is found again. */
  readonly #labels = new WeakMap<Who, Map<string, Map<string, CallLabels>>>();

  of(
    who: Who,
    {
      endpoint,
      facts: { model },
      server,
    }: { readonly endpoint: Endpoint; readonly facts: RequestFacts; readonly server: Server | undefined },
  ): CallKind {
    const known = this.#known;
    for (let at = 0; at < known.length; at += 1) {
      const kind = known[at] as CallKind;
      if (kind.model !== model || kind.who !== who || kind.endpoint !== endpoint || !isSame(kind.server, server))
        continue;
      // Forward by one: what is seen often comes to stand first.
      if (at > 0) [known[at - 1], known[at]] = [kind, known[at - 1] as CallKind];
      return kind;
    }
    const labels = this.labelsOf(who, endpoint.provider, model);
    const isNamed = model !== "";
    const spanName = isNamed ? `${endpoint.operation} ${model}` : endpoint.operation;
    const attributes = {
      [semconv.ATTR_GEN_AI_OPERATION_NAME]: endpoint.operation,
      [semconv.ATTR_GEN_AI_PROVIDER_NAME]: endpoint.provider,
      ...(isNamed && { [semconv.ATTR_GEN_AI_REQUEST_MODEL]: model }),
      ...(server !== undefined && {
        [semconv.ATTR_SERVER_ADDRESS]: server.address,
        [semconv.ATTR_SERVER_PORT]: server.port,
      }),
      ...whoAttributes(who),
    };
    const spanOptions = { kind: SpanKind.CLIENT, attributes, beginning: new Beginning(attributes) };
    const kind = { who, endpoint, model, server, labels, spanName, spanOptions };
    if (known.length >= KINDS_MAX) known.pop();
    known.unshift(kind);
    return kind;
  }

  /** What budgets tell calls apart by: who makes it, whose model it is, and which. */
  labelsOf(who: Who, provider: string, model: string): CallLabels {
    let ofWho = this.#labels.get(who);
    if (ofWho === undefined) this.#labels.set(who, (ofWho = new Map()));
    let models = ofWho.get(provider);
    if (models === undefined || models.size >= MODELS_MAX) ofWho.set(provider, (models = new Map()));
    let labels = models.get(model);
    if (labels === undefined) models.set(model, (labels = { ...who.labels, model, provider }));
    return labels;
  }
}

function isSame(a: Server | undefined, b: Server | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.address === b.address && a.port === b.port);
}
