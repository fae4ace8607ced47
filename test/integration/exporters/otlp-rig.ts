/** An exporter in front of a bare backend, with a queue in a directory of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flowImbalance } from "../../../src/component/flow.ts";
import type { Notice } from "../../../src/component/notice.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import {
  type OtlpTracesExporter,
  otlpExporterFactory,
  otlpHttpExporterFactory,
} from "../../../src/exporters/otlp/factory.ts";
import { SystemClock } from "../../../src/support/clock.ts";
import { OtlpBackend, type BackendOptions } from "../../support/otlp-backend.ts";

export interface OtlpRig {
  readonly backend: OtlpBackend;
  readonly directory: string;
  readonly notices: Notice[];
  exporter: OtlpTracesExporter;
  /** A second life on the same queue. */
  restart(config?: object): Promise<void>;
}

const running: OtlpRig[] = [];
const EVENTUALLY_MS = 15_000;

/** Quick, so that a test of many retries is a short one. */
const QUICK = { retry_on_failure: { initial_interval_ms: 5, max_interval_ms: 20 }, drain_timeout_ms: 200 };

export async function startOtlp(
  options: BackendOptions & { readonly config?: object; readonly configDirectory?: string },
): Promise<OtlpRig> {
  const backend = new OtlpBackend(options);
  await backend.start();
  const directory = await mkdtemp(join(tmpdir(), "tollgate-otlp-"));
  const notices: Notice[] = [];
  const make = async (config: object = {}): Promise<OtlpTracesExporter> => {
    const factory = options.protocol === "http" ? otlpHttpExporterFactory : otlpExporterFactory;
    const whole = { endpoint: backend.endpoint, ...QUICK, ...options.config, ...config };
    const dependencies = {
      name: "otlp/test",
      directory,
      configDirectory: options.configDirectory ?? directory,
      version: "1.2.3",
      clock: new SystemClock(),
      notify: (notice: Notice) => notices.push(notice),
    };
    const exporter =
      factory === otlpExporterFactory
        ? otlpExporterFactory.create(otlpExporterFactory.config.parse(whole), dependencies)
        : otlpHttpExporterFactory.create(otlpHttpExporterFactory.config.parse(whole), dependencies);
    await exporter.start();
    return exporter;
  };
  const exporter = await make().catch(async (error: unknown) => {
    await backend.stop();
    await rm(directory, { recursive: true });
    throw error;
  });
  const rig: OtlpRig = {
    backend,
    directory,
    notices,
    exporter,
    restart: async (config) => {
      await rig.exporter.stop();
      rig.exporter = await make(config);
    },
  };
  running.push(rig);
  return rig;
}

/** For `afterEach`: stops all, and proves that no span got lost on the way. */
export async function stopOtlp(): Promise<void> {
  for (const { exporter, backend, directory } of running.splice(0)) {
    await exporter.stop();
    await backend.stop();
    await rm(directory, { recursive: true });
    const stats = exporter.stats();
    if (flowImbalance(stats) !== 0) throw new Error(`the count equation does not hold: ${JSON.stringify(stats)}`);
  }
}

/** Waits until nothing is in the queue. */
export async function drained({ exporter }: OtlpRig): Promise<void> {
  await waitFor(() => exporter.stats().inFlight === 0, {
    what: "an empty queue",
    timeoutMs: EVENTUALLY_MS,
    intervalMs: 5,
  });
}

export async function eventually(probe: () => boolean, what: string): Promise<void> {
  await waitFor(probe, { what, timeoutMs: EVENTUALLY_MS, intervalMs: 5 });
}
