/**
 * The data path as a process of its own, to be killed: receiver, processors, spool and exporter against a ClickHouse that
 * lives elsewhere. Its ledger is a file: one line an observation, appended at once. Prints its URL when it serves; SIGTERM
 * drains and ends it.
 */
import { appendFileSync } from "node:fs";
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { clickhouseExporterFactory } from "../../../src/exporters/clickhouse/factory.ts";
import { createTracesPipeline } from "../../../src/pipeline/traces-pipeline.ts";
import { costProcessorFactory } from "../../../src/processors/cost/factory.ts";
import { identityProcessorFactory } from "../../../src/processors/identity/factory.ts";
import { meterProcessorFactory } from "../../../src/processors/meter/factory.ts";
import { normaliseProcessorFactory } from "../../../src/processors/normalise/factory.ts";
import { otlpReceiverFactory } from "../../../src/receivers/otlp/factory.ts";
import { createStorage } from "../../../src/storage/client.ts";
import { queryText } from "../../../src/storage/queries/catalog.ts";
import { StorageError } from "../../../src/storage/errors.ts";
import { SystemClock } from "../../../src/support/clock.ts";

const [url = "", spoolDirectory = "", ledgerFile = ""] = process.argv.slice(2);
const storage = createStorage({ url, database: "tollgate" });
const clock = new SystemClock();
const notify = (notice: object): void => {
  process.stderr.write(`${JSON.stringify(notice)}\n`);
};

const exporterConfig = clickhouseExporterFactory.config.parse({ drain_timeout_ms: 60_000 });
const exporter = clickhouseExporterFactory.create(exporterConfig, {
  directory: spoolDirectory,
  storage: {
    insertNative: (insert) => storage.insertNative(insert),
    isPermanent: (error) => error instanceof StorageError && error.kind === "permanent",
    whenReady: async () => {},
    select: (query, parameters) => storage.query(queryText(query), parameters),
  },
  clock,
  notify,
  observe: async ({ token, entries }) => {
    const nanoUsd = entries.reduce((sum, entry) => sum + entry.amounts.nanoUsd, 0n);
    appendFileSync(ledgerFile, `${JSON.stringify({ token, nano_usd: nanoUsd.toString() })}\n`);
  },
});
const prices = createPriceBook({
  house: [
    { kind: "prices", name: "house", models: { "our-llm": { provider: "openai", input: "3.00", output: "15.00" } } },
  ],
});
const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };
const anyPort = { endpoint: "127.0.0.1:0" };
const receiverConfig = otlpReceiverFactory.config.parse({ protocols: { http: anyPort, grpc: anyPort } });
const pipeline = createTracesPipeline({
  receivers: [(next) => otlpReceiverFactory.create(receiverConfig, { next, clock, notify })],
  processors: [
    (next) => normaliseProcessorFactory.create({ messages: false }, { next, notify }),
    (next) =>
      identityProcessorFactory.create({ foreign_name: "flag", foreign_tenant: "flag" }, { next, notify, registry }),
    (next) => costProcessorFactory.create({}, { next, notify, prices: () => prices }),
    (next) => meterProcessorFactory.create({}, { next, notify }),
  ],
  exporter,
});

await pipeline.start();
process.stdout.write(`${pipeline.receivers[0]?.httpUrl}\n`);
process.once("SIGTERM", () => {
  void pipeline.stop().then(async () => {
    process.stdout.write(`${JSON.stringify(exporter.stats())}\n`);
    await storage.close();
  });
});
