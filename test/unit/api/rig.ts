/** An API with a ledger and a store that answer what a test tells them, reached by injection: no port, no network. */
import { Access, type AgentKey } from "../../../src/api/access.ts";
import type { AnsweringWebhook } from "../../../src/api/approval-webhooks.ts";
import type { AuditApi } from "../../../src/api/audit.ts";
import type { GovernanceDesk } from "../../../src/api/governance.ts";
import type { ReadStore } from "../../../src/api/read-store.ts";
import { type Api, createApi } from "../../../src/api/server.ts";
import type { ServiceStatus } from "../../../src/api/status.ts";
import { NO_AMOUNTS } from "../../../src/budget/amounts.ts";
import type {
  AcquireCommand,
  AcquireOutcome,
  BudgetState,
  Ledger,
  RaiseCommand,
  RaiseOutcome,
} from "../../../src/budget/ledger.ts";
import type { ApprovalStore } from "../../../src/approvals/approval-store.ts";
import type { Act, Terms } from "../../../src/approvals/request.ts";
import type { NewChange } from "../../../src/changes/change-log.ts";
import type { CredentialStore } from "../../../src/identity/credential-store.ts";
import { StopStore } from "../../../src/kill/stop-store.ts";
import { AgentRegistry, type RegistryContent } from "../../../src/policy/registry.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { governanceStores } from "../../support/governance-stores.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export const TOKEN = "tg_people";
export const PERSON = { authorization: `Bearer ${TOKEN}` };

export const FLEET: BudgetState = {
  name: "fleet",
  scope: { team: "checkout" },
  measure: "usd",
  mode: "hard",
  unknownPrice: "deny",
  windowStartMs: Date.UTC(2026, 10, 21),
  windowEndMs: Date.UTC(2026, 10, 22),
  limit: 25_000_000_000n,
  settled: 1_000_000_001n,
  observed: 1n,
  past: "counted",
  reserved: 500n,
  remaining: 23_999_999_499n,
  crossed: [{ atPercent: 80, do: "downgrade", fallback: { "gpt-4o": "gpt-4o-mini" } }],
  state: "warning",
};

export class FakeLedger implements Ledger {
  readonly acquired: AcquireCommand[] = [];
  readonly closed: { processId: string; leases: readonly unknown[] }[] = [];
  answer: AcquireOutcome = { outcome: "unlimited", seq: 1, granted: NO_AMOUNTS, budgets: [] };
  failure: Error | undefined;
  #listeners = new Set<(processId: string, leaseIds: readonly string[]) => void>();

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async configure(): Promise<void> {}
  async acquire(command: AcquireCommand): Promise<AcquireOutcome> {
    if (this.failure !== undefined) throw this.failure;
    this.acquired.push(command);
    return this.answer;
  }
  async close(processId: string, leases: readonly unknown[]): Promise<void> {
    this.closed.push({ processId, leases });
  }
  async observe(): Promise<void> {}
  budgets(): readonly BudgetState[] {
    return [FLEET];
  }
  eachBudget(): Iterable<BudgetState> {
    return this.budgets();
  }
  changedBudgets(): readonly BudgetState[] {
    return this.budgets();
  }
  async lease(): Promise<undefined> {}
  labelKeys(): readonly string[] {
    return ["team"];
  }
  readonly raised: RaiseCommand[] = [];
  async raise(command: RaiseCommand): Promise<RaiseOutcome> {
    if (command.budget !== FLEET.name) return { outcome: "unknown_budget" };
    this.raised.push(command);
    const { forMs, ...raise } = command;
    return { outcome: "raised", raise: { ...raise, atMs: 0, untilMs: forMs } };
  }
  configured(): readonly BudgetState[] {
    return this.budgets();
  }
  measures(): readonly "usd"[] {
    return ["usd"];
  }
  onThreshold(): () => void {
    return () => {};
  }
  firedThresholds(): readonly never[] {
    return [];
  }
  onRecall(listener: (processId: string, leaseIds: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  recall(processId: string, leaseIds: readonly string[]): void {
    for (const listener of this.#listeners) listener(processId, leaseIds);
  }
}

export class FakeStore implements ReadStore {
  readonly asked: Parameters<ReadStore["rows"]>[0][] = [];
  answer: readonly unknown[] | Error = [];

  async rows(options: Parameters<ReadStore["rows"]>[0]): Promise<readonly unknown[]> {
    this.asked.push(options);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

export interface Rig {
  readonly api: Api;
  readonly registry: AgentRegistry;
  readonly ledger: FakeLedger;
  readonly store: FakeStore;
  readonly clock: ManualClock;
  readonly logLines: string[];
  readonly recorded: readonly NewChange[];
}

export function rig(
  options: {
    readonly agentKeys?: readonly AgentKey[];
    readonly metricsToken?: string;
    readonly hasTenants?: () => boolean;
    readonly registry?: Partial<RegistryContent>;
    readonly stopsFile?: string;
    readonly approvals?: (clock: ManualClock) => ApprovalStore;
    readonly termsOf?: (act: Act) => Terms;
    readonly answeringWebhooks?: readonly AnsweringWebhook[];
    readonly credentials?: (clock: ManualClock) => CredentialStore;
    readonly governance?: GovernanceDesk;
    readonly audit?: Pick<AuditApi, "desk" | "lines">;
    readonly isGranting?: () => boolean;
  } = {},
): Rig {
  const ledger = new FakeLedger();
  const store = new FakeStore();
  const clock = new ManualClock();
  const logLines: string[] = [];
  const telemetry = new Telemetry({ write: (line) => void logLines.push(line), now: () => clock.now() });
  const registry = new AgentRegistry({
    agents: [],
    policies: [],
    prices: [],
    requirePolicy: false,
    fingerprint: "",
    ...options.registry,
  });
  // A file that nothing can be written to: acts are in force all the same, and no test leaves one behind.
  const stops = new StopStore({ file: options.stopsFile ?? "/dev/null/stops.json", clock });
  const stores = governanceStores(clock);
  const credentials = options.credentials?.(clock) ?? stores.credentials;
  const api = createApi({
    access: new Access({
      agentKeys: options.agentKeys,
      peopleToken: TOKEN,
      metricsToken: options.metricsToken,
      hasTenants: options.hasTenants ?? (() => false),
      credentials,
    }),
    ledger,
    registry,
    store,
    stops,
    credentials,
    changes: stores.changes,
    approvals: options.approvals?.(clock) ?? stores.approvals,
    findings: stores.findings,
    incidents: stores.incidents,
    sessions: stores.sessions,
    pasts: stores.pasts,
    termsOf: options.termsOf ?? stores.termsOf,
    answeringWebhooks: options.answeringWebhooks ?? [],
    ...(options.governance === undefined ? {} : { governance: options.governance }),
    ...(options.audit === undefined ? {} : { audit: options.audit }),
    telemetry,
    clock,
    leaseTtlMs: 30_000,
    bodyMaxBytes: 16_384,
    version: "0.0.0",
    isReady: () => true,
    ...(options.isGranting === undefined ? {} : { isGranting: options.isGranting }),
    status: async () => ({}) as ServiceStatus,
  });
  return { api, registry, ledger, store, clock, logLines, recorded: stores.recorded };
}

export const PROCESS_ID = "0".repeat(31) + "1";
export const LEASE_ID = "a".repeat(32);

export const HELLO = {
  process_id: PROCESS_ID,
  agent: "shop",
  labels: { team: "claimed", env: "dev" },
  pid: 1,
  version: "0.1.0",
};

const NOTHING = { nano_usd: "0", tokens: "0", calls: "0" };

export const ACQUIRE = {
  process_id: PROCESS_ID,
  lease_id: LEASE_ID,
  seq: 1,
  labels: { team: "claimed" },
  settled: NOTHING,
  need: { nano_usd: "10", tokens: "20", calls: "1" },
  target: { nano_usd: "9223372036854775807", tokens: "20", calls: "1" },
  ahead: NOTHING,
  wait_ms: 100,
};
