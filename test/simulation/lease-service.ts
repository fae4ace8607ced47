/** The real routes of `/v1/leases/*` over a ledger, in one life of a processor; every yes is written down before it leaves. */
import type { Answer } from "../../instrumentation/src/lease/transport.ts";
import { Access } from "../../src/api/access.ts";
import { ControlStreams } from "../../src/api/control.ts";
import { leaseRoutes } from "../../src/api/leases.ts";
import { ApiProblem } from "../../src/api/problem.ts";
import { PastStore } from "../../src/sessions/past-store.ts";
import { MEMORY } from "../support/governance-stores.ts";
import { ProcessTable } from "../../src/api/processes.ts";
import type { AnyRoute, RouteCall } from "../../src/api/route.ts";
import { StopDesk } from "../../src/api/stop-desk.ts";
import type { Ledger } from "../../src/budget/ledger.ts";
import { LedgerError } from "../../src/budget/ledger-error.ts";
import { Acknowledgements } from "../../src/kill/acknowledgements.ts";
import { StopStore } from "../../src/kill/stop-store.ts";
import { AgentRegistry } from "../../src/policy/registry.ts";
import { Telemetry } from "../../src/telemetry/telemetry.ts";
import type { Acknowledged } from "./acknowledged.ts";
import type { Life } from "./machine.ts";

export const DOWN = { kind: "unreachable", reason: "ECONNREFUSED" } as const;
/** Shared: making one costs more than everything else of a start. */
const SILENT = new Telemetry({ level: "error", write: () => {} });
const CALLER = new Access({ agentKeys: undefined, peopleToken: "" }).agent(undefined);

export interface LeaseServiceOptions {
  readonly ledger: Ledger;
  readonly life: Life;
  readonly ttlMs: number;
  readonly acknowledged: Acknowledged;
  readonly nowMs: () => number;
  readonly log: (text: string) => void;
  readonly fail: (error: unknown) => void;
}

export class LeaseService {
  readonly #options: LeaseServiceOptions;
  readonly #routes: ReadonlyMap<string, AnyRoute>;

  constructor(options: LeaseServiceOptions) {
    this.#options = options;
    this.#routes = new Map(makeRoutes(remembering(options), options.life, options.ttlMs));
  }

  /** Never answers if the processor dies meanwhile. */
  post(path: string, body: unknown): Promise<Answer<unknown>> {
    const { life, fail } = this.#options;
    const route = this.#routes.get(path);
    if (route === undefined) return Promise.resolve(DOWN);
    return route
      .handle({ body, caller: CALLER } as RouteCall<unknown, unknown, unknown>)
      .then((reply): Answer<unknown> => ({ kind: "reply", reply }), answerOf)
      .catch((error: unknown) => {
        fail(error);
        return DOWN;
      })
      .then((answer) => (life.isDead ? new Promise(() => {}) : answer));
  }
}

function remembering({ ledger, life, acknowledged, nowMs, log }: LeaseServiceOptions): Ledger {
  const own: Pick<Ledger, "acquire" | "close"> = {
    acquire: async (command) => {
      log(`acquire ${command.leaseId} seq ${command.seq} wants ${command.target.nanoUsd}`);
      const outcome = await ledger.acquire(command);
      if (life.isDead) return outcome;
      log(`  ${command.leaseId} seq ${command.seq}: ${outcome.outcome}`);
      acknowledged.acquired(command, outcome, nowMs());
      return outcome;
    },
    close: async (processId, leases) => {
      for (const { leaseId, settled } of leases) log(`close ${leaseId} at ${settled.nanoUsd}`);
      await ledger.close(processId, leases);
      if (!life.isDead) acknowledged.closed(leases, nowMs());
    },
  };
  return new Proxy(ledger, {
    get(target, key) {
      if (key === "acquire" || key === "close") return own[key];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function makeRoutes(ledger: Ledger, life: Life, leaseTtlMs: number): [string, AnyRoute][] {
  const clock = life.serviceClock;
  const access = new Access({ agentKeys: undefined, peopleToken: "" });
  const registry = new AgentRegistry({ agents: [], policies: [], prices: [], requirePolicy: false, fingerprint: "" });
  const processes = new ProcessTable(clock);
  const stops = new StopStore({ file: "/nothing", clock });
  const common = { ledger, processes, clock, telemetry: SILENT, leaseTtlMs, access, registry };
  const control = new ControlStreams({
    ...common,
    governanceVersion: () => registry.version,
    stops: () => stops.list,
    actsFor: () => stops.list,
  });
  const acknowledgements = new Acknowledgements(clock);
  const desk = new StopDesk({
    ...common,
    store: stops,
    acknowledgements,
    control,
    recordChange: async () => {},
    tenantOf: () => undefined,
  });
  const pasts = new PastStore({ log: MEMORY, clock, onDamage: () => {}, onForgotten: () => {} });
  return leaseRoutes({ ...common, stops, desk, pasts }).map((route) => [route.url, route]);
}

/** What the instrumentation's HTTP transport makes of a problem. */
function answerOf(error: unknown): Answer<unknown> {
  const isProblem = error instanceof ApiProblem;
  if (!isProblem && !(error instanceof LedgerError)) throw error;
  const { code } = error;
  if (code === "lease_lost" || code === "process_unknown") return { kind: code };
  if (isProblem && error.status < 500) throw error;
  if (code === "invalid_command") throw error;
  return { kind: "unreachable", reason: code };
}
