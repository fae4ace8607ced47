/**
 * This process towards the fleet's ledger: introduces itself, keeps one lease for each set of labels that budgets tell
 * apart, hears recalls and changes of governance, and closes its leases at the end. Nothing in here keeps the process
 * alive but calls that wait.
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "../config/logger.ts";
import { AgentKilled } from "../errors.ts";
import type {
  AcquireReply,
  AcquireRequest,
  CloseRequest,
  HelloReply,
  HelloRequest,
  StopList,
  StoppedReport,
} from "../protocol.ts";
import { ApprovalClient } from "../approval/approval-client.ts";
import { SessionSharing } from "../session/session-sharing.ts";
import type { Clock, Timer } from "./clock.ts";
import { LabelKeys, sameKeys } from "./label-keys.ts";
import { FAILURES_MS, lastReport, ToldFailures } from "./last-report.ts";
import { FIRST_WORD_MS_MAX, Lease } from "./lease.ts";
import type { LeaseHost } from "./lease-host.ts";
import { WAIT_MS_DEFAULT } from "./purse.ts";
import type { PurseOutcome, Want } from "./purse.ts";
import type { Answer, Transport } from "./transport.ts";
import type { Waiter } from "./waiting-line.ts";

const TICK_MS = 1_000;
/** How often a ledger that never answered is tried again, while calls do not wait for it. */
const ABSENT_RETRY_MS = 5_000;
const HELLO_RETRY_MS = 200;
/** While something is stopped, the list is asked for this often, beside what the control stream says. */
const STOPS_POLL_MS = 5_000;
const NO_KEYS: readonly string[] = [];

export interface LeaseClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly introduction: Omit<HelloRequest, "process_id" | "pid" | "unpatched" | "failures">;
  /** Copies of libraries in this process that are not gated, as they are known at the moment. */
  readonly unpatched?: () => readonly string[];
  /** How often the gate has failed inside so far. @default it counts none */
  readonly failures?: () => number;
  /** Settles what calls have put off. */
  readonly catchUp?: () => void;
  /** How long a call waits for money that others hold and have not spent. @default 2000 */
  readonly waitMs?: number;
  /** Ids of the process and its leases: 32 hex digits, that nobody has had. @default random */
  readonly newId?: () => string;
  /** False: no processor was set up on purpose, so calls do not wait for one that is not there. */
  readonly expectsProcessor: boolean;
  /** Called with every hello: new labels, policies, prices. */
  readonly onHello: (reply: HelloReply) => void;
  /** Called with every list of stops; what it gives back is told to the processor. `undefined`: nothing new. */
  readonly onStops?: (stops: StopList) => Omit<StoppedReport, "process_id"> | undefined;
}

export class LeaseClient implements LeaseHost {
  readonly processId: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly waitMs: number;
  readonly catchUp: () => void;
  readonly approvals: ApprovalClient;
  /** What this process and others see of the sessions and agents that they work for. */
  readonly sessions: SessionSharing;
  readonly #options: LeaseClientOptions;
  readonly #leases = new Map<string, Lease>();
  readonly #keys = new LabelKeys();
  /** Closed to new calls, with calls still in flight or a last report to make. */
  readonly #retired = new Set<Lease>();
  #hello: HelloReply | undefined;
  #greeting: Promise<boolean> | undefined;
  #failedAtMs: number | undefined;
  /** Until when calls wait for a ledger that has not spoken yet, or until it refused us: one span of time for the process, not for each call. */
  #firstWordUntilMs: number | undefined;
  #reason = "no answer yet";
  #tick: Timer | undefined;
  #control: { stop(): void } | undefined;
  #isClosed = false;
  #stops: StopList | undefined;
  #greetedAtMs = 0;
  readonly #failures: ToldFailures;

  constructor(options: LeaseClientOptions) {
    this.#options = options;
    this.#failures = new ToldFailures(options.failures);
    this.clock = options.clock;
    this.catchUp = options.catchUp ?? (() => {});
    this.newId = options.newId ?? (() => randomBytes(16).toString("hex"));
    this.processId = this.newId();
    const { transport, clock } = options;
    this.approvals = new ApprovalClient({ transport: transport.approvals, clock, processId: this.processId });
    this.sessions = new SessionSharing({
      transport,
      clock,
      processId: this.processId,
      greet: () => this.start(),
    });
    this.waitMs = options.waitMs ?? WAIT_MS_DEFAULT;
  }

  /** What the ledger said last; `undefined` before it was reached. */
  get hello(): HelloReply | undefined {
    return this.#hello;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Introduces the process and listens for recalls. True when the ledger has been reached. */
  start(): Promise<boolean> {
    this.#greeting ??= this.#greet().finally(() => (this.#greeting = undefined));
    return this.#greeting;
  }

  /** Introduces the process again, as it is now: a greeting that is on its way was written before. */
  async startAgain(): Promise<void> {
    await this.#greeting;
    await this.start();
  }

  /** Waits for the ledger's first word, as long as makes sense: false when there is none. */
  async reached(): Promise<boolean> {
    if (this.#hello !== undefined) return true;
    if (this.#isAbsent()) return false;
    const waitMs = this.#options.expectsProcessor ? FIRST_WORD_MS_MAX : 0;
    this.#firstWordUntilMs ??= this.clock.monotonicMs() + waitMs;
    const isOver = (): boolean => this.clock.monotonicMs() >= (this.#firstWordUntilMs ?? 0);
    if (this.#failedAtMs !== undefined && isOver()) {
      // Calls have waited for it long enough. It is tried again behind their back, for the next one to find it.
      if (this.clock.monotonicMs() - this.#failedAtMs >= HELLO_RETRY_MS) void this.start();
      return false;
    }
    // A call waits: the process may not end before it is answered.
    const hold = this.clock.after(waitMs + ABSENT_RETRY_MS, () => {}, { holdsProcess: true });
    try {
      while (!(await this.start())) {
        if (this.#isClosed || isOver()) return false;
        await new Promise<void>((resolve) => this.clock.after(HELLO_RETRY_MS, resolve, { holdsProcess: true }));
      }
      return true;
    } finally {
      hold.cancel();
    }
  }

  /** Takes `want` from the lease of these labels. Synchronous while the money is in hand. */
  reserve(labels: Readonly<Record<string, string>>, want: Want): PurseOutcome | Promise<PurseOutcome> {
    if (this.#isClosed) return { outcome: "unavailable", reason: "the gate is shut down", isHard: true };
    if (this.#hello === undefined) return this.#reserveLater(labels, want);
    return this.#lease(labels).reserve(want);
  }

  /** The lease that calls with these labels use now, if there is one. */
  find(labels: Readonly<Record<string, string>>): Lease | undefined {
    return this.#hello === undefined ? undefined : this.#leases.get(this.#key(labels));
  }

  /** Reports every lease for the last time and gives the rest back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tick?.cancel();
    this.#control?.stop();
    const leases = [...this.#leases.values(), ...this.#retired];
    for (const lease of leases) {
      lease.isRetired = true;
      lease.failWaiting("the gate is shut down");
    }
    const hasNews = leases.length > 0 || this.#failures.isNews;
    await Promise.all([this.sessions.flush(), hasNews ? this.#report(leases) : undefined]);
    this.sessions.stop();
    this.#options.transport.stop();
  }

  /** Reports and gives back what no call holds; the process may go on and take new leases. */
  async giveBack(): Promise<void> {
    const idle = [...this.#leases.values()].filter((lease) => lease.isDrained);
    for (const lease of idle) {
      lease.isRetired = true;
      this.#retire(lease);
    }
    const done = [...this.#retired].filter((lease) => lease.isDrained);
    if (done.length > 0) await this.#report(done);
  }

  /** The last reports, for a process that has no time left to send them. */
  lastReports(): CloseRequest {
    const leases = this.#isClosed ? [] : [...this.#leases.values(), ...this.#retired];
    return lastReport(this.processId, this.#failures, leases);
  }

  async acquire(_lease: Lease, request: AcquireRequest): Promise<Answer<AcquireReply>> {
    const answer = await this.#options.transport.acquire(request);
    if (answer.kind === "reply") this.#onStopsVersion(answer.reply.stops_version);
    // The push was not heard: the answer to a hello says who was killed, by whom and why.
    if (answer.kind === "killed" && !this.#isClosed) await this.start();
    if (answer.kind !== "process_unknown" || this.#isClosed) return answer;
    // The ledger restarted and forgot who we are, not what it granted: introduce ourselves, and ask again.
    return (await this.start()) ? this.#options.transport.acquire(request) : answer;
  }

  onLost(lease: Lease, waiting: readonly Waiter[]): void {
    this.#retire(lease);
    const next = this.#lease(lease.labels);
    for (const waiter of waiting) {
      const leftMs = Math.max(0, waiter.deadlineMs - this.clock.monotonicMs());
      void next.join(waiter.want, leftMs).then((outcome) => waiter.answer(outcome));
    }
  }

  onKilled(lease: Lease, waiting: readonly Waiter[], reason: string): void {
    this.#retire(lease);
    const agent = lease.labels["agent"] ?? this.#options.introduction.agent;
    for (const waiter of waiting) {
      waiter.answer({ outcome: "refused", error: new AgentKilled({ agent, reason }) });
    }
  }

  onGovernance(version: string): void {
    const isNews = (): boolean => this.#hello !== undefined && this.#hello.governance_version !== version;
    if (!isNews()) return;
    const greeting = this.#greeting;
    if (greeting === undefined) void this.start();
    // What is on its way may have been answered before the change.
    else void greeting.then(() => (isNews() && !this.#isClosed ? this.start() : undefined));
  }

  async #reserveLater(labels: Readonly<Record<string, string>>, want: Want): Promise<PurseOutcome> {
    if (await this.reached()) return this.#lease(labels).reserve(want);
    return { outcome: "unavailable", reason: this.#reason, isHard: this.#options.expectsProcessor };
  }

  /** A ledger that nobody announced and that did not answer a moment ago: do not hold calls up for it. */
  #isAbsent(): boolean {
    return (
      !this.#options.expectsProcessor &&
      this.#failedAtMs !== undefined &&
      this.clock.monotonicMs() - this.#failedAtMs < ABSENT_RETRY_MS
    );
  }

  async #greet(): Promise<boolean> {
    const unpatched = this.#options.unpatched?.() ?? [];
    const { said } = this.#failures;
    const answer = await this.#options.transport.hello({
      ...this.#options.introduction,
      process_id: this.processId,
      pid: process.pid,
      ...(unpatched.length === 0 ? {} : { unpatched }),
      ...said,
    });
    if (answer.kind !== "reply") {
      this.#failedAtMs = this.clock.monotonicMs();
      this.#reason = "reason" in answer ? answer.reason : answer.kind;
      if (answer.kind === "rejected") this.#firstWordUntilMs = this.#failedAtMs;
      return false;
    }
    this.#failures.heard(said);
    const before = this.#hello;
    this.#hello = answer.reply;
    this.#greetedAtMs = this.clock.monotonicMs();
    if (before !== undefined && !sameKeys(before.label_keys, answer.reply.label_keys)) this.#retireAll();
    this.#options.onHello(answer.reply);
    this.sessions.onHello(answer.reply);
    if (answer.reply.stops !== undefined) this.#onStops(answer.reply.stops);
    if (!this.#isClosed) {
      this.#control ??= this.#listen();
      this.#scheduleTick();
    }
    return true;
  }

  #listen(): { stop(): void } {
    return this.#options.transport.listen(this.processId, {
      onEvent: (event) => {
        switch (event.type) {
          case "recall":
            for (const lease of this.#leases.values()) if (event.lease_ids.includes(lease.id)) lease.recall();
            break;
          case "stops":
            this.#onStops(event.stops);
            break;
          case "approval":
            this.approvals.heard(event.id);
            break;
          case "sessions":
            this.sessions.hear(event.sessions);
            break;
          case "hello":
            // Each connection begins so: what was said meanwhile was not heard.
            this.sessions.joinAnew();
            this.onGovernance(event.governance_version);
            break;
          case "governance":
            this.onGovernance(event.governance_version);
            break;
        }
      },
    });
  }

  /** Applies what is stopped, says so, and gives back what stopped calls no longer need. */
  #onStops(stops: StopList): void {
    const report = this.#options.onStops?.(stops);
    if (report === undefined) return;
    this.#stops = stops;
    // What else has come is read first: where one process is several agents, all their gates are shut before any says so.
    setImmediate(() => {
      // A process that starts while nothing is stopped has nothing to acknowledge.
      if (stops.revision > 0) void this.#options.transport.stopped({ ...report, process_id: this.processId });
      if (report.stopped_by !== undefined) void this.giveBack();
    });
  }

  #onStopsVersion(version: string | undefined): void {
    const known = `${this.#stops?.epoch ?? ""}:${this.#stops?.revision ?? 0}`;
    if (version !== undefined && this.#options.onStops !== undefined && version !== known) void this.start();
  }

  #lease(labels: Readonly<Record<string, string>>): Lease {
    const key = this.#key(labels);
    const existing = this.#leases.get(key);
    if (existing !== undefined && !existing.isRetired) return existing;
    const lease = new Lease(this, this.#project(labels));
    this.#leases.set(key, lease);
    return lease;
  }

  #key(labels: Readonly<Record<string, string>>): string {
    return this.#keys.of(labels, this.#hello?.label_keys ?? NO_KEYS);
  }

  #project(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const projected: Record<string, string> = {};
    for (const key of this.#hello?.label_keys ?? []) {
      const value = labels[key];
      if (value !== undefined) projected[key] = value;
    }
    return projected;
  }

  #retireAll(): void {
    for (const lease of this.#leases.values()) {
      lease.isRetired = true;
      lease.failWaiting("budgets changed while the call waited");
      this.#retire(lease);
    }
    this.#leases.clear();
  }

  #retire(lease: Lease): void {
    for (const [key, other] of this.#leases) if (other === lease) this.#leases.delete(key);
    this.#retired.add(lease);
  }

  #scheduleTick(): void {
    this.#tick ??= this.clock.after(
      TICK_MS,
      () => {
        this.#tick = undefined;
        this.#onTick();
        if (!this.#isClosed) this.#scheduleTick();
      },
      { holdsProcess: false },
    );
  }

  #onTick(): void {
    for (const lease of this.#leases.values()) {
      if (!lease.tick()) continue;
      lease.isRetired = true;
      this.#retire(lease);
    }
    const done = [...this.#retired].filter((lease) => lease.isDrained);
    if (done.length > 0) void this.#report(done);
    const isStopped = (this.#stops?.acts.length ?? 0) > 0;
    const silentMs = this.clock.monotonicMs() - this.#greetedAtMs;
    if ((isStopped && silentMs >= STOPS_POLL_MS) || (this.#failures.isNews && silentMs >= FAILURES_MS))
      void this.start();
  }

  async #report(leases: readonly Lease[]): Promise<void> {
    const report = lastReport(this.processId, this.#failures, leases);
    const answer = await this.#options.transport.close(report);
    if (answer.kind !== "reply") {
      this.#options.logger.log(
        "warn",
        `${leases.length} leases could not be closed: ${"reason" in answer ? answer.reason : answer.kind}`,
      );
      return;
    }
    this.#failures.heard(report);
    for (const lease of leases) if (lease.isDrained) this.#retired.delete(lease);
  }
}
