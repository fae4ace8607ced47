/**
 * A threshold `require_approval` of a budget holds its agents by an act that asks for approval; here each such act becomes a
 * request that people answer like any other. Its approval lifts the act, which the threshold does not put in force again in
 * that window. What is left to do follows from the two lists alone, so a crash at any point is made good by the next look.
 */
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { ApprovalRequest } from "../approvals/request.ts";
import { ApiProblem } from "../api/problem.ts";
import type { StopDesk } from "../api/stop-desk.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

const LOOK_INTERVAL_MS = 500;
/** Of several processors one may hear of a request before it hears of the act that it is for. */
const SPREAD_MS = 3_000;

export interface BudgetApprovalsOptions {
  readonly stops: Pick<StopKeeper, "list">;
  readonly desk: Pick<StopDesk, "resume">;
  readonly approvals: ApprovalDesk;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class BudgetApprovals {
  readonly #options: BudgetApprovalsOptions;
  #cancel: CancelTimer = () => {};
  #looking: Promise<void> | undefined;

  constructor(options: BudgetApprovalsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, LOOK_INTERVAL_MS, () => this.#lookLater());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#looking;
  }

  /** A request was answered: its act need not wait for the next look. */
  onApproval({ kind, state }: ApprovalRequest): void {
    if (kind === "budget" && state === "approved") this.#lookLater();
  }

  #lookLater(): void {
    this.#looking ??= this.look()
      .catch((error: unknown) =>
        this.#options.telemetry.emit("budget_threshold_not_acted", { error: errorText(error) }),
      )
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Asks for what is held and was not asked for, lifts what was approved, withdraws what is held no more. */
  async look(): Promise<void> {
    const { stops, approvals, clock } = this.#options;
    const held = stops.list.acts.filter(({ asks }) => asks === "approval");
    for (const { id, selector, reason, author } of held) {
      const act = {
        kind: "budget" as const,
        agent: selector,
        session: "",
        user: "",
        tool: author.replace(/^budget /, ""),
        argumentsJson: "",
        argumentsDigest: "",
        policy: author,
        policyVersion: id,
        rule: "threshold",
        reason,
      };
      await this.#lift(await approvals.askOnce(act, { key: id, stop: id }));
    }
    if (held.length === 0 && approvals.all().every(({ kind }) => kind === "tool")) return;
    const ids = new Set(held.map(({ id }) => id));
    for (const { id, kind, state, askedAtMs, stop = "" } of approvals.all()) {
      if (kind !== "budget" || state !== "pending" || ids.has(stop)) continue;
      if (clock.now() - askedAtMs >= SPREAD_MS) await approvals.withdraw(id);
    }
  }

  async #lift(request: ApprovalRequest): Promise<void> {
    const { approvals, desk } = this.#options;
    const { id, act, stop = "", answers } = request;
    const state = approvals.stateOf(request);
    if (state === "approved") await approvals.use(id, { act, useId: stop });
    if (state !== "approved" && state !== "consumed") return;
    try {
      await desk.resume({ id: stop }, { author: answers.at(-1)?.by ?? "", waitMs: 0 });
    } catch (error) {
      // Another processor was faster.
      if (!(error instanceof ApiProblem) || error.code !== "not_found") throw error;
    }
  }
}
