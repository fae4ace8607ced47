/**
 * What the processes of one session and those of one agent tell one another, through the processor, so that what one has read limits
 * the others, and how far an agent went is known to its next process. Promises of sessions:
 * the first decision in a session waits until what the others have seen is known; a label that a tool's result
 * brought is durable at the processor, and on its way to whoever listens, before the result of an asynchronous tool is
 * handed over. Limits: what a synchronous tool read, and each refusal, is told right behind it, and calls and money within a second; while the
 * processor is away what was heard last holds, and all that there is to tell is told when it is back. How far an agent went
 * is told within a second, and heard once: of the process's own agent with its introduction, of another where its first call
 * is decided on.
 */
import type { Clock, Timer } from "../lease/clock.ts";
import type { Answer, Transport } from "../lease/transport.ts";
import type { HelloReply, PastSeen, SessionSeen, SessionsReply, SessionsReport } from "../protocol.ts";
import type { AgentPast, PastBook } from "./agent-past.ts";
import { Session } from "./session-book.ts";
import type { SessionBook, SessionNews } from "./session-book.ts";

/** Calls and money are told this often; after a failure it is tried again. */
const ROUND_MS = 1_000;
/** How long a call waits for what the others have seen. */
const JOIN_MS_MAX = 2_000;
/** How long a tool's result waits for its labels to be told. */
const TELL_MS_MAX = 1_000;
/** Sessions and agents. */
const SUBJECTS_PER_REPORT = 32;

type Subject = Session | AgentPast;

export interface SessionSharingOptions {
  readonly transport: Pick<Transport, "sessions">;
  readonly clock: Clock;
  readonly processId: string;
  /** Introduces the process to a processor that does not know it. True: it does now. */
  readonly greet: () => Promise<boolean>;
}

export class SessionSharing {
  readonly #options: SessionSharingOptions;
  #book: SessionBook | undefined;
  #pasts: PastBook | undefined;
  #isOn = false;
  #arePastsOn = false;
  /** To be told, or joined, now; and in a while. */
  readonly #due = new Set<Subject>();
  readonly #later = new Set<Subject>();
  #underWay: readonly Subject[] = [];
  #sending: Promise<void> | undefined;
  #round: Timer | undefined;
  #failedAtMs: number | undefined;

  constructor(options: SessionSharingOptions) {
    this.#options = options;
  }

  /** Whose sessions are shared. */
  bind(book: SessionBook): void {
    this.#book = book;
    book.onNews((session, news) => this.#onNews(session, news));
  }

  /** Whose agents' pasts are shared. */
  bindPasts(pasts: PastBook): void {
    this.#pasts = pasts;
    pasts.onNews((past) => this.#onFurther(past));
  }

  /** Sessions are shared where some policy of the fleet asks what they did; pasts, where the processor keeps them. What happened before counts. */
  onHello({ shares_sessions: isShared = false, past }: Pick<HelloReply, "shares_sessions" | "past">): void {
    const canShare = this.#options.transport.sessions !== undefined;
    const isNew = isShared && !this.#isOn;
    this.#isOn = isShared && canShare;
    this.#arePastsOn = past !== undefined && canShare;
    if (past !== undefined) this.#pasts?.hear(past);
    if (isNew) this.joinAnew();
    if (this.#arePastsOn) for (const each of this.#pasts?.all ?? []) if (each.hasUntold) this.#onFurther(each);
  }

  /** The processor was away, or another one has taken over: all that it may not know, and what was missed meanwhile. */
  joinAnew(): void {
    if (!this.#isOn || this.#book === undefined) return;
    for (const session of this.#book.all) {
      if (session.id === "") continue;
      session.tellAnew();
      this.#due.add(session);
    }
    if (this.#due.size > 0) void this.#send();
  }

  /** `undefined`: nothing to wait for. False: what others have seen of the session can't be asked. Never rejects. */
  join(id: string): Promise<boolean> | undefined {
    if (!this.#isOn || id === "" || this.#book === undefined) return undefined;
    const session = this.#book.of(id);
    if (session.isJoined) return undefined;
    if (this.#hasJustFailed()) return Promise.resolve(false);
    this.#due.add(session);
    return this.#waitFor(this.#send(), JOIN_MS_MAX).then(() => session.isJoined);
  }

  /** `undefined`: nothing to wait for. Resolves when it is known how far the agent went before, or that can't be asked. Never rejects. */
  joinPast(agent: string): Promise<void> | undefined {
    const past = this.#arePastsOn ? this.#pasts?.of(agent) : undefined;
    if (past?.standing !== "own" || this.#hasJustFailed()) return undefined;
    this.#due.add(past);
    return this.#waitFor(this.#send(), JOIN_MS_MAX);
  }

  /** `undefined`: nothing to wait for. Resolves when the session's labels are told, or that takes too long. Never rejects. */
  told(session: Session): Promise<void> | undefined {
    if (!this.#isOn || session.id === "" || this.#failedAtMs !== undefined || !session.hasUntoldLabels)
      return undefined;
    this.#due.add(session);
    return this.#waitFor(this.#send(), TELL_MS_MAX);
  }

  hear(seen: readonly SessionSeen[]): void {
    for (const each of seen) this.#book?.find(each.session)?.heard(each);
  }

  /** What is not told yet, for a process that has no time left to tell it. */
  unsaid(): SessionsReport | undefined {
    const subjects = [...new Set([...this.#underWay, ...this.#due, ...this.#later])];
    return subjects.length === 0 ? undefined : this.#reportOf(subjects);
  }

  /** Tells all there is. Never rejects. */
  async flush(): Promise<void> {
    this.#moveLater();
    if (this.#due.size > 0) await this.#send();
    else await this.#sending;
  }

  stop(): void {
    this.#round?.cancel();
  }

  #onNews(session: Session, news: SessionNews): void {
    if (!this.#isOn || session.id === "") return;
    if (news === "limits") {
      this.#due.add(session);
      if (!this.#hasJustFailed()) void this.#send();
      return;
    }
    this.#later.add(session);
    this.#schedule();
  }

  #onFurther(past: AgentPast): void {
    if (!this.#arePastsOn || past.standing === "unknown") return;
    this.#later.add(past);
    this.#schedule();
  }

  #reportOf(subjects: readonly Subject[]): SessionsReport {
    const sessions: SessionSeen[] = [];
    const pasts: PastSeen[] = [];
    for (const subject of subjects) {
      if (subject instanceof Session) sessions.push(subject.untold());
      else pasts.push(subject.untold());
    }
    return { process_id: this.#options.processId, sessions, ...(pasts.length > 0 && { pasts }) };
  }

  #schedule(): void {
    this.#round ??= this.#options.clock.after(
      ROUND_MS,
      () => {
        this.#round = undefined;
        void this.flush();
      },
      { holdsProcess: false },
    );
  }

  #moveLater(): void {
    for (const session of this.#later) this.#due.add(session);
    this.#later.clear();
  }

  /** One report at a time: what comes meanwhile goes with the next. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    // What happens in one turn is told together.
    await Promise.resolve();
    while (this.#due.size > 0) {
      const batch = [...this.#due].slice(0, SUBJECTS_PER_REPORT);
      const report = this.#reportOf(batch);
      for (const subject of batch) this.#due.delete(subject);
      this.#underWay = batch;
      const answer = await this.#exchange(report);
      this.#underWay = [];
      if (answer?.kind !== "reply") {
        for (const subject of batch) this.#due.add(subject);
        this.#failedAtMs = this.#options.clock.monotonicMs();
        this.#schedule();
        return;
      }
      this.#failedAtMs = undefined;
      this.#onReply(batch, report, answer.reply);
    }
  }

  #onReply(batch: readonly Subject[], { sessions, pasts = [] }: SessionsReport, reply: SessionsReply): void {
    this.hear(reply.sessions);
    for (const past of reply.pasts ?? []) this.#pasts?.hear(past);
    for (const subject of batch) {
      if (subject instanceof Session) {
        const told = sessions.find(({ session }) => session === subject.id);
        if (told !== undefined) subject.wasTold(told);
        subject.isJoined = true;
        continue;
      }
      const told = pasts.find(({ agent }) => agent === subject.agent);
      if (told !== undefined) subject.wasTold(told);
      if (subject.standing === "own") subject.standing = "unknown";
    }
  }

  async #exchange(report: SessionsReport): Promise<Answer<SessionsReply> | undefined> {
    const { transport, greet } = this.#options;
    const answer = await transport.sessions?.(report);
    if (answer?.kind !== "process_unknown") return answer;
    return (await greet()) ? transport.sessions?.(report) : answer;
  }

  #hasJustFailed(): boolean {
    return this.#failedAtMs !== undefined && this.#options.clock.monotonicMs() - this.#failedAtMs < ROUND_MS;
  }

  /** A call waits: the process may not end before it is answered. */
  #waitFor(work: Promise<void>, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve, { holdsProcess: true });
    void work.then(resolve);
    return promise.finally(() => timer.cancel());
  }
}
