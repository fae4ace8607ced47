/**
 * One replica's connection to the simulated store, in place of `StoreLink`: what is sent arrives in its order or not at all, is
 * held up while the way is cut, and may still be carried out after its sender has given it up.
 */
import { LedgerError } from "../../../src/budget/ledger-error.ts";
import type { ScriptName } from "../../../src/budget/valkey/scripts.ts";
import type { StoreConnection, StoreLinkOptions } from "../../../src/budget/valkey/store-link.ts";
import type { Random } from "../../support/random.ts";
import type { Life } from "../machine.ts";
import type { VirtualTime } from "../virtual-time.ts";
import type { LuaValue } from "./lua.ts";
import type { SimulatedStore, StoreWork } from "./simulated-store.ts";

/** As `StoreLink` waits. */
export const REPLY_TIMEOUT_MS = 3_000;
const DELAY_MS_MAX = 5;
const SLOW_MS_MAX = 400;

export interface SimulatedLinkOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly store: SimulatedStore;
  readonly life: Life;
  readonly link: StoreLinkOptions;
}

export class SimulatedLink implements StoreConnection {
  readonly info = "redis_version:7.2.0\r\n";
  readonly #options: SimulatedLinkOptions;
  readonly #keys: readonly string[];
  readonly #open = new Set<(error: LedgerError) => void>();
  /** A new one when the connection has broken: what was under way on the old one is lost, or arrives and is not answered. */
  #connection = {};
  #isClosed = true;
  #isCut = false;
  /** What is under way in either direction and not let through. */
  #held: (() => void)[] = [];
  #toStoreMs = 0;
  #backMs = 0;

  constructor(options: SimulatedLinkOptions) {
    this.#options = options;
    this.#keys = ["head", "log", "turns", "said"].map((what) => this.key(what));
  }

  key(what: string): string {
    return `{tollgate:${this.#options.link.name}}:${what}`;
  }

  async open(): Promise<void> {
    this.#isClosed = false;
    await this.command(["CONFIG", "GET", "appendonly"]);
  }

  close(): void {
    this.#isClosed = true;
    this.break();
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (isCut) return;
    for (const go of this.#held.splice(0)) go();
  }

  /** By a reset: whoever waits for an answer does not get it. */
  break(): void {
    this.#connection = {};
    for (const reject of this.#open) reject(unavailable("ECONNRESET"));
  }

  /** A word of the channel; nobody may rely on it. */
  hear(text: string): void {
    const { life, random, link } = this.#options;
    const connection = this.#connection;
    if (this.#isClosed || this.#isCut || random.chance(0.05)) return;
    this.#backMs = this.#soon(this.#backMs, () =>
      life.machine.whenAwake(() => {
        if (connection === this.#connection && !life.isDead) link.onMessage(text);
      }),
    );
  }

  async run(script: ScriptName, args: readonly string[], keys: readonly string[] = []): Promise<readonly unknown[]> {
    const reply = await this.#ask({ kind: "script", name: script, keys: [...this.#keys, ...keys], args });
    if (!Array.isArray(reply)) throw unavailable("no list");
    return reply as readonly unknown[];
  }

  command(args: readonly string[]): Promise<unknown> {
    return this.#ask({ kind: "command", args });
  }

  async say(text: string): Promise<number> {
    return Number(await this.#ask({ kind: "word", text }));
  }

  #ask(work: StoreWork): Promise<LuaValue> {
    const { store, life, random } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (how: () => void): void => {
        cancel();
        this.#open.delete(give);
        if (!life.isDead) how();
      };
      const give = (error: LedgerError): void => end(() => reject(error));
      const cancel = life.after(REPLY_TIMEOUT_MS, () => give(unavailable("no answer in time")));
      this.#open.add(give);
      if (this.#isClosed || !store.isUp) {
        life.after(1, () => give(unavailable("ECONNREFUSED")));
        return;
      }
      const connection = this.#connection;
      const back = (reply: LuaValue): void => {
        this.#backMs = this.#soon(this.#backMs, () =>
          life.machine.whenAwake(() => {
            if (connection === this.#connection) end(() => resolve(reply));
          }),
        );
      };
      this.#toStoreMs = this.#soon(this.#toStoreMs, () =>
        store.machine.whenAwake(() => {
          if (!store.isUp || (connection !== this.#connection && random.chance(0.5))) return;
          store.take(work, back);
        }),
      );
    });
  }

  /** After what was sent before in this direction. Returns when. */
  #soon(afterMs: number, act: () => void): number {
    const { time, random } = this.#options;
    const ms = random.below(random.chance(0.02) ? SLOW_MS_MAX : DELAY_MS_MAX);
    const atMs = Math.max(afterMs, time.nowMs + ms);
    time.at(atMs, () => (this.#isCut ? void this.#held.push(act) : act()));
    return atMs;
  }
}

function unavailable(why: string): LedgerError {
  return new LedgerError("ledger_unavailable", `the ledger's store: ${why}`);
}
