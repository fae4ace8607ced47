/** Every component that the service can build. A new one joins the suite by joining this list. */
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import type { Component, Consumer } from "../../src/component/component.ts";
import type { FlowStats } from "../../src/component/flow.ts";
import { SILENT } from "../../src/component/notice.ts";
import type { TableStorage } from "../../src/exporters/clickhouse/dependencies.ts";
import { clickhouseExporterFactory } from "../../src/exporters/clickhouse/factory.ts";
import {
  type OtlpTracesExporter,
  otlpExporterFactory,
  otlpHttpExporterFactory,
} from "../../src/exporters/otlp/factory.ts";
import type { SpanBatch } from "../../src/pdata/span.ts";
import { auditProcessorFactory } from "../../src/processors/audit/factory.ts";
import { costProcessorFactory } from "../../src/processors/cost/factory.ts";
import { filterProcessorFactory } from "../../src/processors/filter/factory.ts";
import { identityProcessorFactory } from "../../src/processors/identity/factory.ts";
import { meterProcessorFactory } from "../../src/processors/meter/factory.ts";
import { normaliseProcessorFactory } from "../../src/processors/normalise/factory.ts";
import { redactProcessorFactory } from "../../src/processors/redact/factory.ts";
import { sampleProcessorFactory } from "../../src/processors/sample/factory.ts";
import { transformProcessorFactory } from "../../src/processors/transform/factory.ts";
import { otlpReceiverFactory } from "../../src/receivers/otlp/factory.ts";
import type { OtlpReceiver } from "../../src/receivers/otlp/otlp-receiver.ts";
import { SystemClock } from "../../src/support/clock.ts";
import { request as otlpRequest, spanFields } from "../fixtures/otlp/protobuf-encoder.ts";
import { GrpcSender } from "../support/grpc-sender.ts";
import { OtlpBackend } from "../support/otlp-backend.ts";

export interface Specimen {
  readonly component: Component & { stats(): FlowStats };
  /** Puts some spans in, in the component's own way. */
  readonly feed: (batch: SpanBatch) => Promise<void>;
}

export interface ComponentCase {
  readonly name: string;
  /** Parses a config as the service does: throws for what the schema refuses. */
  readonly parse: (config: unknown) => unknown;
  /** A component with its default config, on free ports and in `directory`. */
  readonly make: (options: { readonly next: Consumer; readonly directory: string }) => Specimen;
}

const clock = new SystemClock();
const notify = SILENT;

const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };

const storage: TableStorage = {
  insertNative: async () => {},
  isPermanent: () => false,
  whenReady: async () => {},
  select: async () => [],
};

const processor = (
  factory: { readonly type: string; readonly config: { parse(config: unknown): unknown } },
  create: (next: Consumer) => Component & Consumer & { stats(): FlowStats },
): ComponentCase => ({
  name: `processors.${factory.type}`,
  parse: (config) => factory.config.parse(config),
  make({ next }) {
    const component = create(next);
    return {
      component,
      feed: async (batch) => {
        await component.consume(batch);
      },
    };
  },
});

function makeReceiver(next: Consumer): OtlpReceiver {
  const anyPort = { endpoint: "127.0.0.1:0" };
  const config = otlpReceiverFactory.config.parse({ protocols: { http: anyPort, grpc: anyPort } });
  return otlpReceiverFactory.create(config, { next, clock, notify });
}

function requestOf(batch: SpanBatch): Buffer {
  return otlpRequest(batch.spans.map((_span, index) => spanFields(index + 1)));
}

/** An exporter to a backend of its own, whose place it can know only once that has started. */
const forwarder = (factory: typeof otlpExporterFactory | typeof otlpHttpExporterFactory): ComponentCase => ({
  name: `exporters.${factory.type}`,
  // The one key without a default: where to send.
  parse: (config) => factory.config.parse({ endpoint: "http://127.0.0.1:1", ...(config as object) }),
  make({ directory }) {
    const backend = new OtlpBackend({ protocol: factory === otlpExporterFactory ? "grpc" : "http" });
    const dependencies = { name: factory.type, directory, configDirectory: directory, version: "0", clock, notify };
    const create = (endpoint: string): OtlpTracesExporter =>
      factory === otlpExporterFactory
        ? otlpExporterFactory.create(otlpExporterFactory.config.parse({ endpoint }), dependencies)
        : otlpHttpExporterFactory.create(otlpHttpExporterFactory.config.parse({ endpoint }), dependencies);
    let exporter = create("http://127.0.0.1:1");
    return {
      component: {
        start: async () => {
          await backend.start();
          exporter = create(backend.endpoint);
          await exporter.start();
        },
        stop: async () => {
          await exporter.stop();
          await backend.stop();
        },
        stats: () => exporter.stats(),
      },
      feed: async (batch) => {
        await exporter.consume(batch);
      },
    };
  },
});

export const COMPONENTS: readonly ComponentCase[] = [
  {
    name: "receivers.otlp",
    parse: (config) => otlpReceiverFactory.config.parse(config),
    make({ next }) {
      const component = makeReceiver(next);
      return {
        component,
        feed: async (batch) => {
          const headers = { "content-type": "application/x-protobuf" };
          const body = new Uint8Array(requestOf(batch));
          await fetch(`${component.httpUrl}/v1/traces`, { method: "POST", headers, body });
        },
      };
    },
  },
  {
    name: "receivers.otlp, by gRPC",
    parse: (config) => otlpReceiverFactory.config.parse(config),
    make({ next }) {
      const component = makeReceiver(next);
      return {
        component,
        feed: async (batch) => {
          const sender = new GrpcSender(component.grpcUrl);
          await sender.send(requestOf(batch));
          sender.close();
        },
      };
    },
  },
  processor(normaliseProcessorFactory, (next) =>
    normaliseProcessorFactory.create(normaliseProcessorFactory.config.parse({}), { next, notify }),
  ),
  processor(identityProcessorFactory, (next) =>
    identityProcessorFactory.create({ foreign_name: "flag", foreign_tenant: "flag" }, { next, notify, registry }),
  ),
  processor(costProcessorFactory, (next) => {
    const book = createPriceBook();
    return costProcessorFactory.create({}, { next, notify, prices: () => book });
  }),
  processor(transformProcessorFactory, (next) =>
    transformProcessorFactory.create({ rules: [{ set: { x: '"y"' }, delete: ["z"] }] }, { next, notify }),
  ),
  {
    name: "processors.identity, that refuses",
    parse: (config) => identityProcessorFactory.config.parse(config),
    make({ next }) {
      const config = identityProcessorFactory.config.parse({ foreign_name: "refuse" });
      const component = identityProcessorFactory.create(config, { next, notify, registry });
      // All spans of the batch are under a name that this sender's key is not bound to.
      return { component, feed: async (batch) => void (await component.consume({ ...batch, sender: "key" })) };
    },
  },
  {
    ...processor(filterProcessorFactory, (next) =>
      filterProcessorFactory.create({ drop: ["name != ''"] }, { next, notify }),
    ),
    name: "processors.filter, that drops all",
  },
  processor(filterProcessorFactory, (next) => filterProcessorFactory.create({ drop: [] }, { next, notify })),
  processor(sampleProcessorFactory, (next) =>
    sampleProcessorFactory.create({ ratio: 0.5, keep_errors: true, rules: [] }, { next, notify }),
  ),
  processor(auditProcessorFactory, (next) =>
    auditProcessorFactory.create({}, { next, notify, intake: { read: (span) => span.spanId, stored: () => {} } }),
  ),
  processor(meterProcessorFactory, (next) => meterProcessorFactory.create({}, { next, notify })),
  processor(redactProcessorFactory, (next) => {
    const config = redactProcessorFactory.config.parse({});
    return redactProcessorFactory.create(config, { next, notify, hashKey: "a key for tests only" });
  }),
  {
    name: "exporters.clickhouse",
    parse: (config) => clickhouseExporterFactory.config.parse(config),
    make({ directory }) {
      const config = clickhouseExporterFactory.config.parse({});
      const component = clickhouseExporterFactory.create(config, {
        directory,
        storage,
        clock,
        notify,
        observe: async () => {},
      });
      return {
        component,
        feed: async (batch) => {
          await component.consume(batch);
        },
      };
    },
  },
  forwarder(otlpExporterFactory),
  forwarder(otlpHttpExporterFactory),
];
