/**
 * What the simulated store holds, and the commands on it that the ledger's scripts use, as Valkey has them. Values are never
 * changed in place, so that a crash can go back to any state before.
 */
import type { LuaValue } from "./lua.ts";

interface StreamEntry {
  readonly rev: number;
  readonly fields: readonly string[];
}

type Value =
  | { readonly kind: "hash"; readonly fields: ReadonlyMap<string, string> }
  | { readonly kind: "stream"; readonly entries: readonly StreamEntry[] }
  | { readonly kind: "scores"; readonly scores: ReadonlyMap<string, number> }
  | { readonly kind: "list"; readonly items: readonly string[] };

const NO_FIELDS: ReadonlyMap<string, string> = new Map();
const NO_SCORES: ReadonlyMap<string, number> = new Map();

export class StoredValues {
  readonly #values: Map<string, Value>;
  /** When keys go by themselves, Unix ms. */
  readonly #ends: Map<string, number>;

  constructor(of?: StoredValues) {
    this.#values = new Map(of === undefined ? [] : of.#values);
    this.#ends = new Map(of === undefined ? [] : of.#ends);
  }

  /** Entries of a stream, as `XRANGE` shows them. */
  entries(key: string): readonly LuaValue[] {
    return this.#stream(key).map(({ rev, fields }) => [`${rev}-0`, fields]);
  }

  /** Throws for a command that it does not know. */
  run(name: string, args: readonly LuaValue[], nowMs: number): LuaValue {
    const [key = "", ...rest] = args.map(String);
    if ((this.#ends.get(key) ?? Number.POSITIVE_INFINITY) <= nowMs) this.#delete(key);
    switch (name) {
      case "HGET":
        return this.#hash(key).get(rest[0] ?? "") ?? false;
      case "HMGET":
        return rest.map((field) => this.#hash(key).get(field) ?? false);
      case "HSET":
        return this.#hset(key, rest);
      case "HINCRBY": {
        const sum = Number(this.#hash(key).get(rest[0] ?? "") ?? 0) + Number(rest[1]);
        this.#hset(key, [rest[0] ?? "", String(sum)]);
        return sum;
      }
      case "XADD":
      case "XRANGE":
      case "XTRIM":
        return this.#onStream(name, key, rest);
      case "ZADD":
      case "ZREM":
      case "ZPOPMIN":
        return this.#onScores(name, key, rest);
      case "RPUSH":
        this.#values.set(key, { kind: "list", items: [...this.#list(key), ...rest] });
        return this.#list(key).length;
      case "LLEN":
        return this.#list(key).length;
      case "LINDEX":
        return this.#list(key)[Number(rest[0])] ?? false;
      case "EXPIRE":
        if (!this.#values.has(key)) return 0;
        this.#ends.set(key, nowMs + Number(rest[0]) * 1_000);
        return 1;
      case "PERSIST":
        return this.#ends.delete(key) ? 1 : 0;
      case "UNLINK":
        return this.#delete(key);
      default:
        throw new Error(`the simulated store does not know ${name}`);
    }
  }

  #hset(key: string, pairs: readonly string[]): number {
    const fields = new Map(this.#hash(key));
    const before = fields.size;
    for (let at = 0; at < pairs.length; at += 2) fields.set(pairs[at] ?? "", pairs[at + 1] ?? "");
    this.#values.set(key, { kind: "hash", fields });
    return fields.size - before;
  }

  #onStream(name: "XADD" | "XRANGE" | "XTRIM", key: string, args: readonly string[]): LuaValue {
    const entries = this.#stream(key);
    const [first = "", ...rest] = args;
    if (name === "XADD") {
      const rev = Number.parseInt(first, 10);
      const last = entries.at(-1)?.rev ?? 0;
      if (rev <= last) throw new Error(`the id ${first} is not above ${last}-0`);
      this.#values.set(key, { kind: "stream", entries: [...entries, { rev, fields: rest }] });
      return first;
    }
    if (name === "XTRIM") {
      const least = Number.parseInt(rest[1] ?? "", 10);
      this.#values.set(key, { kind: "stream", entries: entries.filter(({ rev }) => rev >= least) });
      return 0;
    }
    const after = Number.parseInt(first.slice(1), 10);
    return this.entries(key)
      .filter((_, at) => (entries[at]?.rev ?? 0) > after)
      .slice(0, Number(rest[2]));
  }

  #onScores(name: "ZADD" | "ZREM" | "ZPOPMIN", key: string, args: readonly string[]): LuaValue {
    const scores = new Map(this.#scores(key));
    if (name === "ZADD") {
      const [, score = "", member = ""] = args;
      if (!scores.has(member)) scores.set(member, Number(score));
    } else if (name === "ZREM") scores.delete(args[0] ?? "");
    // By score, and by name where that is the same.
    const [least] = [...scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    if (name === "ZPOPMIN" && least !== undefined) scores.delete(least[0]);
    this.#values.set(key, { kind: "scores", scores });
    return name === "ZPOPMIN" ? (least?.map(String) ?? []) : 1;
  }

  #hash(key: string): ReadonlyMap<string, string> {
    const value = this.#values.get(key);
    return value?.kind === "hash" ? value.fields : NO_FIELDS;
  }

  #stream(key: string): readonly StreamEntry[] {
    const value = this.#values.get(key);
    return value?.kind === "stream" ? value.entries : [];
  }

  #scores(key: string): ReadonlyMap<string, number> {
    const value = this.#values.get(key);
    return value?.kind === "scores" ? value.scores : NO_SCORES;
  }

  #list(key: string): readonly string[] {
    const value = this.#values.get(key);
    return value?.kind === "list" ? value.items : [];
  }

  #delete(key: string): number {
    this.#ends.delete(key);
    return this.#values.delete(key) ? 1 : 0;
  }
}
