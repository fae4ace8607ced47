/**
 * The connection to Valkey or Redis: runs the scripts, hears what the other replicas say. Promises: a call ends within
 * `REPLY_TIMEOUT_MS`, and whatever goes wrong is a `LedgerError` with `ledger_unavailable`; then it is unknown whether the
 * call was carried out. The library connects anew by itself; nothing is queued meanwhile.
 */
import { createHash } from "node:crypto";
import type * as Library from "@redis/client";
import { SystemClock } from "../../support/clock.ts";
import { reachText } from "../../telemetry/reach-text.ts";
import { LedgerError } from "../ledger-error.ts";
import { SCRIPTS, type ScriptName } from "./scripts.ts";
import { TABLE_SCRIPTS, type TableScriptName } from "./table-scripts.ts";
import type { StoreAddress } from "./valkey-ledger-options.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const REPLY_TIMEOUT_MS = 3_000;
/** What trying again does not mend: a wrong password, a user without the right. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM)/;
/** What a node says that was the primary once. */
const DEMOTED = /READONLY|MASTERDOWN/;
const RECONNECT_MS_MIN = 20;
const RECONNECT_MS_MAX = 500;

export interface StoreLinkOptions extends StoreAddress {
  readonly name: string;
  readonly onMessage: (message: string) => void;
}

/** What the ledger asks of its store. The simulation puts one in its place that loses, delays and crashes. */
export type StoreConnection = Pick<StoreLink, "key" | "info" | "open" | "close" | "run" | "command" | "say">;

/** A connection of the library, whether to one server or to a cluster. */
interface Connection {
  readonly send: (args: readonly string[]) => Promise<unknown>;
  readonly publish: (message: string) => Promise<unknown>;
  readonly destroy: () => void;
}

const SOURCES: Readonly<Record<ScriptName | TableScriptName, string>> = { ...SCRIPTS, ...TABLE_SCRIPTS };
const SHA: ReadonlyMap<string, string> = new Map(
  Object.entries(SOURCES).map(([name, source]) => [name, createHash("sha1").update(source).digest("hex")]),
);

export class StoreLink {
  readonly #options: StoreLinkOptions;
  readonly #keys: readonly string[];
  /** How long a socket may be silent is no matter of the ledger's time. */
  readonly #clock = new SystemClock();
  #connection: Connection | undefined;
  /** What the server says of itself (`INFO`). */
  #info = "";

  constructor(options: StoreLinkOptions) {
    this.#options = options;
    this.#keys = ["head", "log", "turns", "said"].map((what) => this.key(what));
  }

  /** A key of this ledger: all of them have one hash tag, and so one slot. */
  key(what: string): string {
    return `{tollgate:${this.#options.name}}:${what}`;
  }

  get info(): string {
    return this.#info;
  }

  async open(): Promise<void> {
    // Loaded only where it is used: the library has some 400 files.
    const library = await import("@redis/client");
    const { url, username, password, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const options = {
      url,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      name: "tollgate",
      disableOfflineQueue: true,
      maintNotifications: "disabled",
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: (retries: number) => Math.min(RECONNECT_MS_MIN * 2 ** retries, RECONNECT_MS_MAX),
      },
    } as const;
    const client = library.createClient(options);
    const subscriber = client.duplicate();
    const destroy = (): void => {
      for (const each of [client, subscriber]) if (each.isOpen) each.destroy();
    };
    const refusal = Promise.withResolvers<never>();
    let lastError: unknown;
    // After the start each call says by itself that the connection is gone.
    for (const each of [client, subscriber]) {
      each.on("error", (error: unknown) => {
        lastError = error;
        // The library would try again for ever with what the store has refused.
        if (error instanceof Error && REFUSED.test(error.message)) refusal.reject(error);
      });
    }
    try {
      await this.#bounded(Promise.race([client.connect(), refusal.promise]), connectTimeoutMs);
      this.#info = await this.#bounded(client.sendCommand<string>(["INFO"]), REPLY_TIMEOUT_MS);
      if (/^cluster_enabled:1/m.test(this.#info)) {
        destroy();
        this.#connection = await this.#openCluster(library, options);
        return;
      }
      await this.#bounded(subscriber.connect(), connectTimeoutMs);
      await this.#bounded(subscriber.sSubscribe(this.key("said"), this.#options.onMessage), REPLY_TIMEOUT_MS);
    } catch (error) {
      destroy();
      throw lastError instanceof Error ? unavailable(`cannot connect to ${url}: ${reachText(lastError)}`) : error;
    }
    this.#connection = {
      send: (args) => client.sendCommand(args),
      publish: (message) => client.sPublish(this.key("said"), message),
      destroy,
    };
  }

  async #openCluster(
    library: Pick<typeof Library, "createCluster">,
    { url, ...defaults }: { readonly url: string },
  ): Promise<Connection> {
    const cluster = library.createCluster({ rootNodes: [{ url }], defaults });
    cluster.on("error", () => {});
    try {
      await this.#bounded(cluster.connect(), CONNECT_TIMEOUT_MS);
      await this.#bounded(cluster.sSubscribe(this.key("said"), this.#options.onMessage), REPLY_TIMEOUT_MS);
    } catch (error) {
      cluster.destroy();
      throw error;
    }
    return {
      send: (args) => cluster.sendCommand(this.key("head"), false, [...args]),
      publish: (message) => cluster.sPublish(this.key("said"), message),
      destroy: () => cluster.destroy(),
    };
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  /** `keys`: beside the four that each script has. */
  async run(
    script: ScriptName | TableScriptName,
    args: readonly string[],
    keys: readonly string[] = [],
  ): Promise<readonly unknown[]> {
    const all = [...this.#keys, ...keys];
    const rest = [String(all.length), ...all, ...args];
    let reply: unknown;
    try {
      reply = await this.command(["EVALSHA", SHA.get(script) ?? "", ...rest]);
    } catch (error) {
      if (!(error instanceof LedgerError) || !/NOSCRIPT/.test(error.message)) throw error;
      reply = await this.command(["EVAL", SOURCES[script], ...rest]);
    }
    if (!Array.isArray(reply)) throw unavailable(`the store answered \`${script}\` with no list`);
    return reply as readonly unknown[];
  }

  /** Any other command on keys of this ledger, or on none. */
  async command(args: readonly string[]): Promise<unknown> {
    const connection = this.#connection;
    if (connection === undefined) throw unavailable("the ledger is not connected to its store");
    try {
      return await this.#bounded(connection.send(args), REPLY_TIMEOUT_MS);
    } catch (error) {
      // After a failover the name may stand for another node, and only a new connection finds it.
      if (error instanceof LedgerError && DEMOTED.test(error.message)) connection.send(["QUIT"]).catch(() => {});
      throw error;
    }
  }

  /** Tells the other replicas, and this one; how many heard it. Nobody may rely on it: a lost message is made good by polling. */
  async say(message: string): Promise<number> {
    const connection = this.#connection;
    if (connection === undefined) throw unavailable("the ledger is not connected to its store");
    return Number(await this.#bounded(connection.publish(message), REPLY_TIMEOUT_MS));
  }

  async #bounded<T>(work: Promise<T>, ms: number): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = this.#clock.setTimer(ms, () => reject(unavailable(`no answer from the store within ${ms} ms`)));
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw error instanceof LedgerError ? error : unavailable(error instanceof Error ? error.message : String(error));
    } finally {
      cancel();
    }
  }
}

function unavailable(why: string): LedgerError {
  return new LedgerError("ledger_unavailable", `the ledger's store: ${why}`);
}
