import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

export interface Part {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartedPartsOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long all stops together may take. */
  readonly timeoutMs: number;
}

/** What has been started, stopped in the opposite order: one part that fails to stop does not keep the others running. */
export class StartedParts {
  readonly #options: StartedPartsOptions;
  readonly #started: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  #stopping: Promise<"stopped" | "timed_out"> | undefined;

  constructor(options: StartedPartsOptions) {
    this.#options = options;
  }

  async start(name: string, part: Part): Promise<void> {
    await part.start();
    this.add(name, () => part.stop());
  }

  add(name: string, stop: () => Promise<void>): void {
    this.#started.push({ name, stop });
  }

  /** The same promise when called again. */
  stop(): Promise<"stopped" | "timed_out"> {
    this.#stopping ??= this.#stopBounded();
    return this.#stopping;
  }

  async #stopBounded(): Promise<"stopped" | "timed_out"> {
    const { clock, telemetry, timeoutMs } = this.#options;
    const { promise: timedOut, resolve } = Promise.withResolvers<"timed_out">();
    const cancel = clock.setTimer(timeoutMs, () => resolve("timed_out"));
    const outcome = await Promise.race([this.#stopAll(), timedOut]);
    cancel();
    telemetry.emit(outcome === "stopped" ? "service_stopped" : "service_stop_timeout");
    return outcome;
  }

  async #stopAll(): Promise<"stopped"> {
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      try {
        await part.stop();
      } catch (error) {
        this.#options.telemetry.emit("component_stop_failed", { part: part.name, reason: errorText(error) });
      }
    }
    return "stopped";
  }
}
