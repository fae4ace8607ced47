/**
 * What leaves the process and is no model call: compared with the agent's allow-list, and let through, told or refused as
 * `unknown_egress` says. The stricter of the process's own setting and the fleet's holds.
 */
import { context, SpanKind } from "@opentelemetry/api";
import { EgressDenied } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { recordRefusal, whoAttributes } from "../gate/call-span.ts";
import type { Gate } from "../gate/gate.ts";
import { standingRefusal } from "../gate/standing-refusal.ts";
import { parseEndpointPattern } from "../policy/endpoint-pattern.ts";
import type { EndpointPattern } from "../policy/endpoint-pattern.ts";
import type { HelloReply, UnknownEgress } from "../protocol.ts";
import * as semconv from "../semconv.ts";
import { isTracingSuppressed } from "../telemetry/without-tracing.ts";

const STRICTNESS: readonly UnknownEgress[] = ["allow", "observe", "deny"];
const DEFAULT: UnknownEgress = "observe";
/** A destination is told at once, and then at most this often, with how often it was used meanwhile. */
const TOLD_EVERY_MS = 60_000;
const DESTINATIONS_MAX = 512;
/** How long the first requests of a process wait for the fleet's list. */
const FIRST_WORD_MS = 2_000;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

interface Destination {
  toldAtMs: number;
  requests: number;
}

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  /** Nobody can tell what they ask for. */
  readonly isBytes?: boolean;
}

/** Under which name a list allows bytes that nobody can read. */
const BYTES = "CONNECT";

export class Egress {
  readonly #gate: Gate;
  readonly #destinations = new Map<string, Destination>();
  #rulesOf: HelloReply | undefined;
  #allow: readonly EndpointPattern[] = [];
  #hasList = false;
  #waited: Promise<unknown> | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /**
   * Returns when the request may go; throws `EgressDenied`. A promise only while the fleet has not said its first word, and
   * then not for long.
   */
  pass(request: Outgoing): undefined | Promise<undefined> {
    return this.#afterFirstWord(() => this.#decide(request));
  }

  /** The same for bytes to a provider of models: an order that nobody reads. A list allows them by the method's name only. */
  passBytes(url: URL): undefined | Promise<undefined> {
    return this.#afterFirstWord(() => {
      const request: Outgoing = { method: BYTES, url, isBytes: true };
      const error = standingRefusal(this.#gate);
      if (error !== undefined) this.#refuse(request, error);
      return this.#decide(request);
    });
  }

  #afterFirstWord(decide: () => undefined): undefined | Promise<undefined> {
    const { leases } = this.#gate;
    if (leases === undefined || leases.hello !== undefined || this.#waited === NOTHING_TO_WAIT_FOR) {
      return decide();
    }
    this.#waited ??= firstWord(leases.start()).finally(() => {
      this.#waited = NOTHING_TO_WAIT_FOR;
    });
    return this.#waited.then(decide);
  }

  #decide(request: Outgoing): undefined {
    this.#readRules();
    if (this.#allow.some((pattern) => allows(pattern, request))) return undefined;
    const mode = this.#mode();
    if (mode === "deny") this.#refuse(request);
    // Exporters of spans say so themselves.
    if (mode === "observe" && !isTracingSuppressed()) this.#observe(request);
    return undefined;
  }

  #mode(): UnknownEgress {
    const own = this.#gate.config.unknownEgress ?? "allow";
    const fleet = this.#gate.hello?.egress?.unknown ?? (this.#gate.config.unknownEgress === undefined ? DEFAULT : own);
    return STRICTNESS.indexOf(own) > STRICTNESS.indexOf(fleet) ? own : fleet;
  }

  #readRules(): void {
    const { hello } = this.#gate;
    if (hello === this.#rulesOf) return;
    this.#rulesOf = hello;
    const texts = hello?.egress?.allow;
    this.#hasList = texts !== undefined;
    // What can't be read allows nothing.
    this.#allow = (texts ?? []).map(parseEndpointPattern).filter((pattern) => pattern !== undefined);
  }

  #refuse(request: Outgoing, reason?: TollgateError): never {
    const { agent } = this.#gate.who();
    const error = reason ?? new EgressDenied({ agent, method: request.method, destination: request.url.origin });
    const span = this.#startSpan(request);
    recordRefusal(span, error);
    span.setAttribute(semconv.ATTR_ERROR_TYPE, error.code);
    span.end();
    throw error;
  }

  #observe(request: Outgoing): void {
    if (!this.#hasList && request.isBytes !== true && LOOPBACK.test(request.url.hostname)) return;
    const key = `${request.method} ${request.url.origin}`;
    const nowMs = performance.now();
    const known = this.#destinations.get(key);
    if (known === undefined && this.#destinations.size >= DESTINATIONS_MAX) return;
    const destination = known ?? { toldAtMs: -TOLD_EVERY_MS, requests: 0 };
    this.#destinations.set(key, destination);
    destination.requests += 1;
    if (nowMs - destination.toldAtMs < TOLD_EVERY_MS) return;
    const span = this.#startSpan(request);
    span.setAttribute(semconv.ATTR_TOLLGATE_DECISION, semconv.DecisionName.allow);
    span.setAttribute(semconv.ATTR_TOLLGATE_DECISION_RULE, "unknown_egress: observe");
    span.setAttribute(semconv.ATTR_TOLLGATE_EGRESS_REQUESTS, destination.requests);
    if (request.isBytes === true) span.setAttribute(semconv.ATTR_TOLLGATE_DECISION_REASON, UNREAD);
    else if (this.#hasList) span.setAttribute(semconv.ATTR_TOLLGATE_DECISION_REASON, UNLISTED);
    span.end();
    destination.toldAtMs = nowMs;
    destination.requests = 0;
  }

  #startSpan({ method, url }: Outgoing): ReturnType<Gate["tracer"]["startSpan"]> {
    const attributes = {
      ...whoAttributes(this.#gate.who()),
      [semconv.ATTR_HTTP_REQUEST_METHOD]: method,
      [semconv.ATTR_SERVER_ADDRESS]: url.hostname,
      ...(url.port === "" ? {} : { [semconv.ATTR_SERVER_PORT]: Number(url.port) }),
    };
    return this.#gate.tracer.startSpan(`egress ${url.host}`, { kind: SpanKind.CLIENT, attributes }, context.active());
  }
}

const UNLISTED = "not on the agent's list of endpoints; `deny` would refuse it";
const UNREAD = "bytes to a provider of models that no request sends which is seen; `deny` would refuse them";

function allows(pattern: EndpointPattern, { method, url, isBytes = false }: Outgoing): boolean {
  return pattern.matches(method, url) && (!isBytes || pattern.method === BYTES);
}

const NOTHING_TO_WAIT_FOR = Promise.resolve();

function firstWord(hello: Promise<unknown>): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, FIRST_WORD_MS);
  return Promise.race([hello, promise]).finally(() => clearTimeout(timer));
}
