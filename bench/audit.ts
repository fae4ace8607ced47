/**
 * What the audit proof costs, side by side in one run: a span with and without its link (in the agent), one of the gate's own and one of the SDK
 * of an app whose client is only guarded, reading and checking a span with and without a link (in the processor). Promises: under 10 µs a
 * call in the agent, under 1 µs for a span without a link. What verifying costs is in `verify.ts`.
 */
import type { Tracer } from "@opentelemetry/api";
import { emptyResource } from "@opentelemetry/resources";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { AuditChain } from "../instrumentation/src/audit/chain.ts";
import { GateTracer } from "../instrumentation/src/telemetry/gate-span.ts";
import { toOtlpRequest, write } from "../instrumentation/src/telemetry/span-protobuf.ts";
import { readLink } from "../src/audit/link.ts";
import { decodeProtobufTraces } from "../src/pdata/otlp/protobuf-traces.ts";
import type { Span } from "../src/pdata/span.ts";

const SCOPE = "@tollgate/instrumentation";
const ROUNDS = 21;
const SPANS = 4_000;
const LIMITS = { linkUs: 10, unchainedUs: 1 } as const;

/** As the gate leaves them on a call of a model. */
const ATTRIBUTES = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o-mini",
  "gen_ai.request.stream": false,
  "gen_ai.request.max_tokens": 400,
  "gen_ai.response.id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUv",
  "gen_ai.response.model": "gpt-4o-mini-2026-07-18",
  "gen_ai.usage.input_tokens": 1_234,
  "gen_ai.usage.output_tokens": 321,
  "server.address": "api.openai.com",
  "server.port": 443,
  "user.id": "user-4711",
  "tollgate.agent.name": "checkout-bot",
  "tollgate.agent.team": "checkout",
  "tollgate.session.id": "session-0815",
  "tollgate.workflow.id": "workflow-7",
  "tollgate.decision": "allow",
  "tollgate.budget.name": "checkout-fleet",
  "tollgate.budget.limit_usd": "25.000000000",
  "tollgate.budget.remaining_usd": "17.123456789",
  "tollgate.lease.id": "lease_0123456789abcdef",
  "tollgate.reserved.nano_usd": 1_234_567,
  "tollgate.cost.status": "exact",
  "tollgate.cost.known": true,
  "tollgate.cost.usd": "0.000123456",
  "tollgate.cost.nano_usd": 123_456,
  "tollgate.cost.price_version": "genai-prices@0.1.8",
};

function provider(processors: readonly SpanProcessor[]): TracerProvider {
  return new TracerProvider({ spanProcessors: [...processors] });
}

function endSpans(tracer: Tracer, count: number): void {
  for (let index = 0; index < count; index += 1) {
    tracer.startSpan("chat gpt-4o-mini", { attributes: { ...ATTRIBUTES } }).end();
  }
}

function chained(count: number): readonly ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  endSpans(provider([new AuditChain(SCOPE), new SimpleSpanProcessor({ exporter })]).getTracer(SCOPE), count);
  return exporter.getFinishedSpans();
}

const noop: SpanProcessor = {
  onStart: () => {},
  onEnd: () => {},
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

/** By the clock: the CPU clock of a thread goes by milliseconds on some machines. */
function clockUs(): number {
  return performance.now() * 1_000;
}

/** Median microseconds of one of `count`, over rounds that take turns. */
function paired(count: number, works: readonly (() => void)[]): readonly number[] {
  const times = works.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, work] of works.entries()) {
      const start = clockUs();
      work();
      times[index]?.push((clockUs() - start) / count);
    }
  }
  return times.map((list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN);
}

/** The gate's own spans, as many as the SDK's with the same attributes. */
function gateTracer(chain?: AuditChain): Tracer {
  const listener = { onStart: () => {}, onEnd: (span: ReadableSpan) => chain?.onEnd(span) };
  return new GateTracer({ resource: emptyResource(), instrumentationScope: { name: SCOPE }, listener });
}

const sdk = [provider([noop]), provider([new AuditChain(SCOPE), noop])].map((made) => made.getTracer(SCOPE));
const own = [gateTracer(), gateTracer(new AuditChain(SCOPE))];
const [ownUs = 0, ownLinkedUs = 0, sdkUs = 0, sdkLinkedUs = 0] = paired(
  SPANS,
  [...own, ...sdk].map((tracer) => () => endSpans(tracer, SPANS)),
);
const links = { "of the gate": ownLinkedUs - ownUs, "of an SDK": sdkLinkedUs - sdkUs };
console.log(`agent      a span of the gate ${ownUs.toFixed(1)} µs, with its link ${ownLinkedUs.toFixed(1)} µs`);
console.log(`           a span of an SDK ${sdkUs.toFixed(1)} µs, with its link ${sdkLinkedUs.toFixed(1)} µs`);
for (const [whose, us] of Object.entries(links))
  console.log(`           the link of a span ${whose} adds ${us.toFixed(1)} µs   (promise: under ${LIMITS.linkUs} µs)`);

function decoded(spans: readonly ReadableSpan[]): readonly Span[] {
  const outcome = decodeProtobufTraces(toOtlpRequest(spans.map(write)));
  if (outcome.kind === "malformed") throw new TypeError(outcome.reason);
  return outcome.spans;
}

const withLinks = decoded(chained(SPANS));
const exporter = new InMemorySpanExporter();
endSpans(provider([new SimpleSpanProcessor({ exporter })]).getTracer(SCOPE), SPANS);
const withoutLinks = decoded(exporter.getFinishedSpans());
const check = (spans: readonly Span[]) => () => {
  for (const span of spans) readLink(span, { checksSeal: true });
};
const [foreignUs = 0, checkedUs = 0] = paired(SPANS, [check(withoutLinks), check(withLinks)]);
console.log(
  `processor  a span without a link ${foreignUs.toFixed(2)} µs (promise: under ${LIMITS.unchainedUs} µs), with one ${checkedUs.toFixed(1)} µs`,
);

const isHeld = Object.values(links).every((us) => us < LIMITS.linkUs) && foreignUs < LIMITS.unchainedUs;
process.exitCode = isHeld ? 0 : 1;
