/**
 * What the processes of one session tell one another, through the processor, so that what one has read limits the others. Promises:
 * the first decision in a session waits until what the others have seen is known; a label that a tool's result
 * brought is durable at the processor, and on its way to whoever listens, before the result of an asynchronous tool is
 * handed over. Limits: what a synchronous tool read, and each refusal, is told right behind it, and calls and money within a second; while the
 * processor is away what was heard last holds, and all that there is to tell is told when it is back.
 */
import type { Clock, Timer } from "../lease/clock.ts";
import type { Answer, Transport } from "../lease/transport.ts";
import type { SessionSeen, SessionsReply, SessionsReport } from "../protocol.ts";
import type { Session, SessionBook, SessionNews } from "./session-book.ts";

/** Calls and money are told this often; after a failure it is tried again. */
const ROUND_MS = 1_000;
/** How long a call waits for what the others have seen. */
const JOIN_MS_MAX = 2_000;
/** How long a tool's result waits for its labels to be told. */
const TELL_MS_MAX = 1_000;
const SESSIONS_PER_REPORT = 32;

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
  #isOn = false;
  /** To be told, or joined, now; and in a while. */
  readonly #due = new Set<Session>();
  readonly #later = new Set<Session>();
  #underWay: readonly Session[] = [];
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

  /** Whether some policy of the fleet asks what sessions did. What happened before counts. */
  onHello(isShared: boolean): void {
    const isNew = isShared && !this.#isOn;
    this.#isOn = isShared && this.#options.transport.sessions !== undefined;
    if (isNew) this.joinAnew();
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
  unsaid(): SessionsReport {
    const sessions = this.#isOn ? [...new Set([...this.#underWay, ...this.#due, ...this.#later])] : [];
    return { process_id: this.#options.processId, sessions: sessions.map((session) => session.untold()) };
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
      const batch = [...this.#due].slice(0, SESSIONS_PER_REPORT);
      const sessions = batch.map((session) => session.untold());
      for (const session of batch) this.#due.delete(session);
      this.#underWay = batch;
      const answer = await this.#exchange(sessions);
      this.#underWay = [];
      if (answer?.kind !== "reply") {
        for (const session of batch) this.#due.add(session);
        this.#failedAtMs = this.#options.clock.monotonicMs();
        this.#schedule();
        return;
      }
      this.#failedAtMs = undefined;
      this.hear(answer.reply.sessions);
      for (const [index, session] of batch.entries()) {
        const told = sessions[index];
        if (told !== undefined) session.wasTold(told);
        session.isJoined = true;
      }
    }
  }

  async #exchange(sessions: readonly SessionSeen[]): Promise<Answer<SessionsReply> | undefined> {
    const { transport, processId, greet } = this.#options;
    const report = { process_id: processId, sessions };
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
