/**
 * Goal: normal traffic raises no alarm, by the rules that are in force without a document and by strict ones. Method: recorded
 * runs of eleven instrumentations, and seeded traffic of the bench's generator, through the real decoder and processors.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { expect, test } from "vitest";
import { genaiRequests } from "../../../bench/traffic/genai-requests.ts";
import type { Consumer } from "../../../src/component/component.ts";
import { SILENT } from "../../../src/component/notice.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { decodeJsonTraces } from "../../../src/pdata/otlp/json-traces.ts";
import type { Span } from "../../../src/pdata/span.ts";
import { costProcessorFactory } from "../../../src/processors/cost/factory.ts";
import { identityProcessorFactory } from "../../../src/processors/identity/factory.ts";
import { meterProcessorFactory } from "../../../src/processors/meter/factory.ts";
import { normaliseProcessorFactory } from "../../../src/processors/normalise/factory.ts";
import { DEFAULT_RUNAWAYS, runawayDocumentSchema } from "../../../src/runaway/runaway-document.ts";
import { type RunawayAlarm, RunawayWatch } from "../../../src/runaway/runaway-watch.ts";
import { watchedCall } from "../../../src/service/watched-call.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/dialects");
const SEED = 20_261_121;
const STRICT = runawayDocumentSchema.parse({
  kind: "runaway",
  name: "strict",
  velocity: { times_usual: 10, at_least: "$0.50" },
  loops: { repeats: 5 },
  tool_storm: { per_minute: 400 },
  depth: { max: 3 },
});

/** Alarms over the bodies, in order, and how many calls there were. */
async function run(bodies: readonly Buffer[]): Promise<{ alarms: readonly RunawayAlarm[]; calls: number }> {
  const watch = new RunawayWatch({ documents: [DEFAULT_RUNAWAYS, STRICT] });
  const alarms: RunawayAlarm[] = [];
  let calls = 0;
  const see = (span: Span, receivedUnixMs: number): void => {
    const call = watchedCall(span, receivedUnixMs);
    if (call === undefined) return;
    calls += 1;
    alarms.push(...watch.see(call));
  };
  const prices = createPriceBook({ house: [] });
  const registry = { find: () => undefined, mayActAs: () => true, namesOf: () => [] };
  const end: Consumer = { consume: async () => SUCCESS };
  const meter = meterProcessorFactory.create({}, { next: end, notify: SILENT, watch: see });
  const cost = costProcessorFactory.create(costProcessorFactory.config.parse({}), {
    next: meter,
    notify: SILENT,
    prices: () => prices,
  });
  const identity = identityProcessorFactory.create(identityProcessorFactory.config.parse({}), {
    next: cost,
    notify: SILENT,
    registry,
  });
  const normalise = normaliseProcessorFactory.create(normaliseProcessorFactory.config.parse({}), {
    next: identity,
    notify: SILENT,
  });
  for (const body of bodies) {
    const decoded = decodeJsonTraces(body);
    if (decoded.kind !== "decoded") throw new Error(decoded.reason);
    const endMs = decoded.spans.map(({ endUnixNano }) => Number(endUnixNano / 1_000_000n));
    await normalise.consume({ spans: decoded.spans, sender: undefined, receivedUnixMs: Math.max(...endMs) + 1_000 });
  }
  return { alarms, calls };
}

test("recorded runs raise no alarm", async () => {
  const { alarms, calls } = await run(readdirSync(FOLDER).map((file) => readFileSync(join(FOLDER, file))));
  expect(alarms).toEqual([]);
  expect(calls).toBeGreaterThan(40);
});

test(`generated normal traffic raises no alarm (seed ${SEED})`, async () => {
  const requests = genaiRequests({ requests: 60, spansPerRequest: 200, seed: SEED });
  const { alarms, calls } = await run(requests.map(({ json }) => json));
  expect(alarms).toEqual([]);
  expect(calls).toBe(12_000);
});
