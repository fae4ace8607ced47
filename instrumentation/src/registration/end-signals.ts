/** Those that end a process by default and can be listened to: by a service manager, a closed terminal, a restart of nodemon. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const;

/**
 * Hears the signals that would end this process, without being counted. There are packages that end it themselves only when they
 * find no other listener than their own (`@openai/agents`, `signal-exit`): with one of ours beside theirs, nobody would. So ours is
 * there for as long as nobody else listens; then it keeps Node's default, and the process dies by the signal.
 */
export class EndSignals {
  readonly #own = new Map<string | symbol, () => void>();

  /** `end` says the last words, before the process dies by the signal. */
  constructor(end: () => Promise<void>) {
    for (const signal of SIGNALS) this.#own.set(signal, () => this.#die(signal, end));
  }

  install(): void {
    for (const signal of this.#own.keys()) this.#listen(signal);
    process.on("newListener", (event: string | symbol, added: unknown) => {
      const own = this.#own.get(event);
      // It is not among the listeners yet, and without any Node would no longer hear the signal.
      if (own !== undefined && own !== added) queueMicrotask(() => this.#withdraw(event, own));
    });
    process.on("removeListener", (event: string | symbol, removed: unknown) => {
      if (removed !== this.#own.get(event)) this.#listen(event);
    });
  }

  /** Whether `event` is such a signal, and it is for others to decide what follows. */
  isForOthers(event: unknown): boolean {
    const own = this.#own.get(event as string);
    return own !== undefined && process.listeners(event as NodeJS.Signals).some((listener) => listener !== own);
  }

  #listen(signal: string | symbol): void {
    const own = this.#own.get(signal);
    if (own !== undefined && process.listenerCount(signal) === 0) process.on(signal, own);
  }

  #withdraw(signal: string | symbol, own: () => void): void {
    if (process.listenerCount(signal) > 1) process.removeListener(signal, own);
  }

  #die(signal: NodeJS.Signals, end: () => Promise<void>): void {
    if (this.isForOthers(signal)) return;
    void end().finally(() => {
      const own = this.#own.get(signal);
      if (own !== undefined) process.removeListener(signal, own);
      process.kill(process.pid, signal);
    });
  }
}
