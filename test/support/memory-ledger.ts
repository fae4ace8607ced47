/** A ledger in memory for tests of the client: one hard budget in USD, granted by the rules of the protocol. */
import type {
  AcquireReply,
  AcquireRequest,
  CloseRequest,
  ControlEvent,
  HelloReply,
  HelloRequest,
  LeaseBudget,
  LedgerRefusal,
  StopList,
  StoppedReport,
  WireAmounts,
} from "../../instrumentation/src/protocol.ts";
import type { Answer, ControlListener, Transport } from "../../instrumentation/src/lease/transport.ts";

const PLENTY = 10n ** 15n;

export class MemoryLedger implements Transport {
  readonly acquired: AcquireRequest[] = [];
  readonly closed: CloseRequest[] = [];
  readonly reports: StoppedReport[] = [];
  stops: StopList | undefined;
  hellos = 0;
  /** As each hello said. */
  readonly failuresTold: (number | undefined)[] = [];
  limit: bigint;
  unknownPrice: LeaseBudget["unknown_price"] = "deny";
  prices: readonly unknown[] = [];
  policies: readonly unknown[] = [];
  egress: HelloReply["egress"];
  actions: LeaseBudget["actions"] = [];
  /** Said with each refusal. */
  refusal: LedgerRefusal | undefined;
  isUnlimited = false;
  governanceVersion = "1";
  /** Answers instead of the ledger, when it returns something. */
  intercept: (request: AcquireRequest) => Answer<AcquireReply> | Promise<Answer<AcquireReply>> | undefined = () =>
    undefined;
  isDown = false;
  readonly #leases = new Map<string, { granted: bigint; settled: bigint }>();
  #listener: ControlListener | undefined;

  constructor(limit: bigint) {
    this.limit = limit;
  }

  get settled(): bigint {
    return [...this.#leases.values()].reduce((sum, lease) => sum + lease.settled, 0n);
  }

  get outstanding(): bigint {
    return [...this.#leases.values()].reduce((sum, lease) => sum + lease.granted - lease.settled, 0n);
  }

  async hello(request?: HelloRequest): Promise<Answer<HelloReply>> {
    this.hellos += 1;
    this.failuresTold.push(request?.failures);
    if (this.isDown) return { kind: "unreachable", reason: "down" };
    const reply: HelloReply = {
      labels: {},
      agent_verified: false,
      label_keys: ["team"],
      policies: this.policies,
      prices: this.prices,
      require_policy: false,
      egress: this.egress,
      governance_version: this.governanceVersion,
      stops: this.stops,
    };
    return { kind: "reply", reply };
  }

  async acquire(request: AcquireRequest): Promise<Answer<AcquireReply>> {
    this.acquired.push(request);
    const intercepted = this.intercept(request);
    if (intercepted !== undefined) return intercepted;
    if (this.isDown) return { kind: "unreachable", reason: "down" };
    return { kind: "reply", reply: this.grant(request) };
  }

  /** Settles first, then grants what fits: `S + R ≤ L`. */
  grant(request: AcquireRequest): AcquireReply {
    const lease = this.#leases.get(request.lease_id) ?? { granted: 0n, settled: 0n };
    this.#leases.set(request.lease_id, lease);
    const settled = BigInt(request.settled.nano_usd);
    lease.settled = settled > lease.settled ? settled : lease.settled;
    const target = BigInt(request.target.nano_usd);
    const most = lease.granted + this.limit - this.settled - this.outstanding;
    const aheadMost = target + BigInt(request.ahead.nano_usd);
    const wished = aheadMost < most ? aheadMost : target < most ? target : most;
    lease.granted = target < lease.granted ? target : wished > lease.granted ? wished : lease.granted;
    const common = {
      lease_id: request.lease_id,
      seq: request.seq,
      granted: wire(lease.granted),
      ttl_ms: 30_000,
      governance_version: this.governanceVersion,
      budgets: [this.budget()],
    };
    if (this.isUnlimited) return { ...common, outcome: "unlimited" };
    return lease.granted >= BigInt(request.need.nano_usd)
      ? { ...common, outcome: "granted" }
      : { ...common, outcome: "exhausted", refused_by: this.budget(), refusal: this.refusal };
  }

  budget(): LeaseBudget {
    return {
      name: "fleet",
      measure: "usd",
      mode: "hard",
      unknown_price: this.unknownPrice,
      limit: String(this.limit),
      settled: String(this.settled),
      reserved: String(this.outstanding),
      remaining: String(this.limit - this.settled - this.outstanding),
      actions: this.actions,
    };
  }

  async close(request: CloseRequest): Promise<Answer<unknown>> {
    this.closed.push(request);
    for (const { lease_id: id, settled } of request.leases) {
      const lease = this.#leases.get(id);
      if (lease === undefined) continue;
      lease.settled = BigInt(settled.nano_usd);
      lease.granted = lease.settled;
    }
    return { kind: "reply", reply: {} };
  }

  async stopped(report: StoppedReport): Promise<Answer<unknown>> {
    this.reports.push(report);
    return { kind: "reply", reply: {} };
  }

  listen(_processId: string, listener: ControlListener): { stop(): void } {
    this.#listener = listener;
    return { stop: () => (this.#listener = undefined) };
  }

  send(event: ControlEvent): void {
    this.#listener?.onEvent(event);
  }

  stop(): void {}
}

function wire(nanoUsd: bigint): WireAmounts {
  return { nano_usd: String(nanoUsd), tokens: String(PLENTY), calls: String(PLENTY) };
}
