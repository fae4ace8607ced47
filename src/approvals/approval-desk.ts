/**
 * Where agents that ask meet people who answer. Promises: one act has one open request, however often it is asked for; what
 * is answered to either side is on disk; an approval is used once; a request that nobody answers ends by itself.
 */
import { createHash, randomBytes } from "node:crypto";
import { compileGlob, GlobError, parseSelector } from "@tollgate/instrumentation/policy";
import type { Clock } from "../support/clock.ts";
import type { ApprovalKeeper } from "./approval-store.ts";
import { type Bypass, BYPASS_MS_MAX } from "./bypass.ts";
import { type Act, type ApprovalRequest, isOpen, stateAt, type Terms } from "./request.ts";
import { actDigest, answered, type AnswerOutcome, newRequest, type NewAnswer, used, type UseOutcome } from "./rules.ts";

type Labels = Readonly<Record<string, string>>;

export interface ApprovalDeskOptions {
  readonly store: ApprovalKeeper;
  readonly clock: Clock;
  readonly termsOf: (act: Act) => Terms;
  /** Called after each change of a request that was made here is kept. */
  readonly onChange: (request: ApprovalRequest) => void;
}

export type AskOutcome =
  | { readonly outcome: "asked" | "known" | "bypassed"; readonly request: ApprovalRequest }
  | { readonly outcome: "too_many" };

/** More than this is no list that people can answer, and one agent may not fill it. */
const OPEN_MAX = 10_000;
const OPEN_OF_AGENT_MAX = 200;
/** Two who change one request at the same moment: the later one looks again. */
const ATTEMPTS_MAX = 8;
const YEAR_MS = 366 * 86_400_000;

export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;

  constructor(options: ApprovalDeskOptions) {
    this.#options = options;
  }

  /** Reads what other processors did, if they can be asked. Never rejects. */
  async look(): Promise<void> {
    // What is known here is shown; whoever changes it is told that it cannot be kept.
    await this.#options.store.look().catch(() => {});
  }

  /** Asks for an act, or finds who asked for the same before. Rejects when it cannot be kept. */
  async ask(act: Act, labels: Labels, useId?: string): Promise<AskOutcome> {
    const { store, clock } = this.#options;
    const digest = actDigest(act);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      await store.look();
      const now = clock.now();
      const known = store.ofAct(digest);
      const isUsedByThis = useId !== undefined && known?.useId === useId;
      if (known !== undefined && (isUsedByThis || isOpen(known, now))) return { outcome: "known", request: known };
      const bypass = this.#bypassFor(act, labels);
      if (bypass === undefined && this.#isFull(act.agent, now)) return { outcome: "too_many" };
      const request = this.#newRequest(act, bypass);
      if (await this.#put(request, known)) return { outcome: bypass === undefined ? "asked" : "bypassed", request };
    }
    throw new Error(`the act ${digest} is asked for too often`);
  }

  #newRequest(act: Act, bypass: Bypass | undefined): ApprovalRequest {
    const { clock, termsOf } = this.#options;
    const now = clock.now();
    const id = `apr_${randomBytes(8).toString("hex")}`;
    const request = newRequest(act, { id, terms: termsOf(act), nowMs: now });
    if (bypass === undefined) return request;
    const { author: by, reason: comment } = bypass;
    const via = `bypass ${bypass.id}`;
    return {
      ...request,
      state: "approved",
      bypass: bypass.id,
      answeredAtMs: now,
      useUntilMs: now + request.terms.useWithinMs,
      answers: [{ by, answer: "approve", digest: act.argumentsDigest, comment, atMs: now, via }],
    };
  }

  /** A request with an id that follows from `key`, so that asking again after a crash makes no second one. */
  async askOnce(act: Act, options: { readonly key: string; readonly stop: string }): Promise<ApprovalRequest> {
    const { store, clock, termsOf } = this.#options;
    const id = `apr_${createHash("sha256").update(options.key).digest("hex").slice(0, 16)}`;
    await store.look();
    const known = store.get(id);
    if (known !== undefined) return known;
    // What is held is held until its window turns, and so is the question.
    const terms = { ...termsOf(act), expireAfterMs: YEAR_MS };
    const request = newRequest(act, { id, terms, nowMs: clock.now(), stop: options.stop });
    // False: another processor of the fleet has asked the same.
    const isPut = await this.#put(request, store.ofAct(request.act));
    return isPut ? request : (store.get(id) ?? request);
  }

  get(id: string): ApprovalRequest | undefined {
    return this.#options.store.get(id);
  }

  /** Oldest first. */
  all(): readonly ApprovalRequest[] {
    return this.#options.store.all();
  }

  stateOf(request: ApprovalRequest): ReturnType<typeof stateAt> {
    return stateAt(request, this.#options.clock.now());
  }

  /** `undefined`: there is no such request. Rejects when it cannot be kept. */
  answer(id: string, given: NewAnswer): Promise<AnswerOutcome | undefined> {
    return this.#change(id, (request, now) => answered(request, given, now), "answered");
  }

  /** The one use of an approval. `undefined`: there is no such request. Rejects when it cannot be kept. */
  use(id: string, use: { readonly act: string; readonly useId: string }): Promise<UseOutcome | undefined> {
    return this.#change(id, (request, now) => used(request, use, now), "used");
  }

  /** What was asked for is no longer wanted. */
  async withdraw(id: string): Promise<void> {
    await this.#change(
      id,
      (request) =>
        request.state === "pending"
          ? {
              outcome: "withdrawn",
              request: { ...request, revision: request.revision + 1, state: "withdrawn" as const },
            }
          : { outcome: "ended" },
      "withdrawn",
    );
  }

  /** Marks that people were asked again, or others were. False when that was done before, by another processor maybe. */
  async mark(id: string, mark: "remindedAtMs" | "escalatedAtMs"): Promise<boolean> {
    const outcome = await this.#change(
      id,
      (request, now) =>
        request.state === "pending" && request[mark] === undefined
          ? { outcome: "marked", request: { ...request, [mark]: now, revision: request.revision + 1 } }
          : { outcome: "ended" },
      "marked",
    );
    return outcome?.outcome === "marked";
  }

  /** Throws `RangeError` for a selector or a time that can't be. */
  async bypass(wanted: Omit<Bypass, "id" | "sinceMs" | "untilMs"> & { readonly forMs: number }): Promise<Bypass> {
    const parsed = parseSelector(wanted.selector);
    if (!parsed.ok) throw new RangeError(`selector: ${parsed.problem}`);
    if (!(wanted.forMs > 0 && wanted.forMs <= BYPASS_MS_MAX))
      throw new RangeError("for: a bypass lasts at most 24h: a duration like `30m`");
    refuseBadPattern(wanted.tools);
    const { forMs, ...rest } = wanted;
    const now = this.#options.clock.now();
    const id = `byp_${randomBytes(8).toString("hex")}`;
    const bypass = { ...rest, selector: parsed.selector.text, id, sinceMs: now, untilMs: now + forMs };
    await this.#options.store.putBypass(bypass);
    return bypass;
  }

  /** `undefined`: none with this id is in force. */
  async endBypass(id: string): Promise<Bypass | undefined> {
    const { store, clock } = this.#options;
    await store.look();
    const bypass = this.bypasses().find((each) => each.id === id);
    if (bypass === undefined) return undefined;
    const ended = { ...bypass, untilMs: clock.now(), revision: (bypass.revision ?? 1) + 1 };
    // False: another processor has ended it.
    await store.putBypass(ended);
    return ended;
  }

  /** Those in force. */
  bypasses(): readonly Bypass[] {
    const now = this.#options.clock.now();
    return this.#options.store.bypasses().filter(({ untilMs }) => now < untilMs);
  }

  #bypassFor(act: Act, labels: Labels): Bypass | undefined {
    return this.bypasses().find(({ selector, tools }) => {
      const parsed = parseSelector(selector);
      return parsed.ok && parsed.selector.matches(labels) && compileGlob(tools)(act.tool);
    });
  }

  #isFull(agent: string, now: number): boolean {
    const pending = this.all().filter((request) => stateAt(request, now) === "pending");
    return pending.length >= OPEN_MAX || pending.filter((each) => each.agent === agent).length >= OPEN_OF_AGENT_MAX;
  }

  async #put(request: ApprovalRequest, instead?: ApprovalRequest): Promise<boolean> {
    const isPut = await this.#options.store.put(request, { instead });
    if (isPut) this.#options.onChange(request);
    return isPut;
  }

  /** Looks, decides and puts; again when somebody else put in between. */
  async #change<O extends { readonly outcome: string; readonly request?: ApprovalRequest }, C extends string>(
    id: string,
    decide: (request: ApprovalRequest, now: number) => O,
    changes: C,
  ): Promise<O | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      await this.#options.store.look();
      const request = this.#options.store.get(id);
      if (request === undefined) return undefined;
      const outcome = decide(request, this.#options.clock.now());
      const next = outcome.request;
      if (outcome.outcome !== changes || next === undefined || next.revision === request.revision) return outcome;
      if (await this.#put(next)) return outcome;
    }
    throw new Error(`the approval request ${id} changes too fast`);
  }
}

function refuseBadPattern(tools: string): void {
  try {
    compileGlob(tools);
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    throw new RangeError(`tools: ${error.message}`, { cause: error });
  }
}
