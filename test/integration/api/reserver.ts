/** The API over a ledger on disk, with one budget named `all`; asked over HTTP. Time stands still until a test moves it. */
import { Access, type AgentKey } from "../../../src/api/access.ts";
import { type Api, createApi } from "../../../src/api/server.ts";
import type { ServiceStatus } from "../../../src/api/status.ts";
import { join } from "node:path";
import { parseBudget } from "../../../src/budget/budget-document.ts";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { createLocalLedger } from "../../../src/budget/local/create-local-ledger.ts";
import type { LedgerNotice, StoredLedger } from "../../../src/budget/ledger-notice.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";
import { StopStore } from "../../../src/kill/stop-store.ts";
import { governanceStores } from "../../support/governance-stores.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export interface ReserverOptions {
  readonly directory: string;
  /** @default "$0.001" */
  readonly limit?: string;
  /** @default "lifetime" */
  readonly window?: string;
  readonly scope?: Readonly<Record<string, string>>;
  readonly agentKeys?: readonly AgentKey[];
}

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Reserver {
  readonly clock: ManualClock;
  /** What the ledger told of. */
  readonly notices: readonly LedgerNotice[];
  /** The log, as JSON. */
  readonly lines: readonly string[];
  readonly #ledger: StoredLedger;
  readonly #api: Api;
  readonly url: string;

  static async start(options: ReserverOptions): Promise<Reserver> {
    const { directory, limit = "$0.001", window = "lifetime", scope = {}, agentKeys } = options;
    const reading = parseBudget({ kind: "budget", name: "all", limit, window, scope });
    if (reading.outcome !== "success") throw new Error(`the budget does not parse: ${JSON.stringify(reading)}`);
    const clock = new ManualClock();
    const notices: LedgerNotice[] = [];
    const lines: string[] = [];
    const onNotice = (notice: LedgerNotice): void => void notices.push(notice);
    const ledger = createLocalLedger({ dir: directory, budgets: [reading.budget], clock, onNotice });
    await ledger.start();
    const api = createApi({
      access: new Access({ agentKeys, peopleToken: "t" }),
      ledger,
      registry: new AgentRegistry({ agents: [], policies: [], prices: [], requirePolicy: false, fingerprint: "" }),
      stops: new StopStore({ file: join(directory, "stops.json"), clock }),
      ...governanceStores(clock),
      store: { rows: async () => [] },
      telemetry: new Telemetry({ encoding: "json", write: (line) => void lines.push(line) }),
      clock,
      leaseTtlMs: 30_000,
      bodyMaxBytes: 262_144,
      version: "0",
      isReady: () => true,
      status: async () => ({}) as ServiceStatus,
    });
    const port = await api.listen({ host: "127.0.0.1", port: 0 });
    return new Reserver({ clock, ledger, api, notices, lines, url: `http://127.0.0.1:${port}` });
  }

  private constructor(parts: {
    clock: ManualClock;
    ledger: StoredLedger;
    api: Api;
    notices: LedgerNotice[];
    lines: string[];
    url: string;
  }) {
    this.notices = parts.notices;
    this.lines = parts.lines;
    this.clock = parts.clock;
    this.#ledger = parts.ledger;
    this.#api = parts.api;
    this.url = parts.url;
  }

  /** A body that is a text is sent as it is. */
  async post(path: string, body: object | string, headers: Record<string, string> = {}): Promise<Answer> {
    const reply = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return {
      status: reply.status,
      type: reply.headers.get("content-type"),
      retryAfter: reply.headers.get("retry-after"),
      body: (await reply.json()) as Record<string, unknown>,
    };
  }

  budget(): BudgetState {
    const [budget] = this.#ledger.budgets();
    if (budget === undefined) throw new Error("there is no budget");
    return budget;
  }

  /** Leases that hold or may hold money. */
  leases(): number {
    const { leasesActive, leasesExpired } = this.#ledger.stats();
    return leasesActive + leasesExpired;
  }

  async stop(): Promise<void> {
    await this.#api.close();
    await this.#ledger.stop();
  }
}
