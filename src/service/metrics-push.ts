import { hostname } from "node:os";
import { throttled } from "../component/throttled-notice.ts";
import type { Notify } from "../component/notice.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Config } from "./config-schema.ts";
import { otlpMetrics } from "./otlp-metrics.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface MetricsPushOptions {
  readonly config: NonNullable<Config["service"]["telemetry"]["metrics"]["otlp"]>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const PATH = "/v1/metrics";
const NOTICE_INTERVAL_MS = 60_000;

/**
 * Sends the figures of `/metrics` by OTLP/HTTP every `interval_ms`, and once more at the stop unless the last one failed.
 * One that fails is not sent again: counters are cumulative, so the next one tells all.
 */
export class MetricsPush {
  readonly #options: MetricsPushOptions;
  readonly #notify: Notify;
  readonly #url: string;
  readonly #startUnixMs: number;
  #cancel: CancelTimer = () => {};
  #pushing: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: MetricsPushOptions) {
    const { config, clock, telemetry } = options;
    this.#options = options;
    this.#notify = throttled((notice) => telemetry.announce(notice), { clock, intervalMs: NOTICE_INTERVAL_MS });
    this.#url = config.endpoint.replace(/\/*$/, PATH);
    this.#startUnixMs = clock.now();
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, this.#options.config.interval_ms, () => void this.#pushOnce());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#pushing;
    if (!this.#isFailing) await this.#pushOnce();
  }

  /** A slow backend is not asked a second time meanwhile. Never rejects. */
  async #pushOnce(): Promise<void> {
    this.#pushing ??= this.#push()
      .then(() => {
        this.#isFailing = false;
      })
      .catch((error: unknown) => {
        this.#isFailing = true;
        this.#notify({ level: "warn", event: "metrics_not_pushed", fields: { reason: errorText(error) } });
      })
      .finally(() => {
        this.#pushing = undefined;
      });
    await this.#pushing;
  }

  async #push(): Promise<void> {
    const { config, clock, telemetry } = this.#options;
    const body = otlpMetrics({
      metrics: await telemetry.registry.getMetricsAsJSON(),
      resource: { "service.name": "tollgate", "service.version": TOLLGATE_VERSION, "host.name": hostname() },
      version: TOLLGATE_VERSION,
      startUnixMs: this.#startUnixMs,
      nowUnixMs: clock.now(),
    });
    const headers = Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name, value.reveal()]));
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(config.timeout_ms),
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
  }
}
