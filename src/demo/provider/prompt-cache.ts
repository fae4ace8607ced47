/**
 * The providers' prompt caches: OpenAI caches long prefixes by itself, Anthropic what carries `cache_control`.
 * https://developers.openai.com/api/docs/guides/prompt-caching · https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 */
import { createHash } from "node:crypto";

import type { PromptPart, SimulatedCall } from "./dialect.ts";
import { countByBytes, countTokens, type CountText } from "./tokens.ts";

export interface CachedTokens {
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

const TOKENS_MIN = 1024;
const OPENAI_STEP = 128;
const LIFE_MS = { "5m": 300_000, "1h": 3_600_000 } as const;

/** The oldest entries make way: a simulator that runs for days must not grow. */
const ENTRIES_MAX = 10_000;

const NOTHING: CachedTokens = { cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

export class PromptCache {
  /** Digest of a prefix → when it dies, Unix ms. */
  readonly #entries = new Map<string, number>();
  readonly countText: CountText;

  constructor(countText: CountText = countByBytes) {
    this.countText = countText;
  }

  /** Which of the `inputTokens` come from the cache, and which go into it. */
  lookUp(call: SimulatedCall, inputTokens: number, nowUnixMs: number): CachedTokens {
    return call.model.provider === "anthropic"
      ? this.#anthropic(call, nowUnixMs)
      : this.#implicit(call, inputTokens, nowUnixMs);
  }

  /** All messages but the last are taken as the prefix; reads come in steps of 128 tokens from 1,024 on. Writes cost nothing extra. */
  #implicit(call: SimulatedCall, inputTokens: number, nowUnixMs: number): CachedTokens {
    const prefix = call.prompt.slice(0, -1);
    const tokens = Math.min(inputTokens, this.#sumTokens(prefix));
    if (tokens < TOKENS_MIN) return NOTHING;
    const isHit = this.#touch(call, prefix, "5m", nowUnixMs);
    return { ...NOTHING, cacheRead: isHit ? tokens - (tokens % OPENAI_STEP) : 0 };
  }

  /** The longest marked prefix is read when it is there, else the marked prefix is written. */
  #anthropic(call: SimulatedCall, nowUnixMs: number): CachedTokens {
    const last = call.prompt.findLastIndex((part) => part.cache !== undefined);
    const life = call.prompt[last]?.cache;
    if (life === undefined) return NOTHING;
    const prefix = call.prompt.slice(0, last + 1);
    const tokens = this.#sumTokens(prefix);
    if (tokens < TOKENS_MIN) return NOTHING;
    if (this.#touch(call, prefix, life, nowUnixMs)) return { ...NOTHING, cacheRead: tokens };
    return life === "1h" ? { ...NOTHING, cacheWrite1h: tokens } : { ...NOTHING, cacheWrite5m: tokens };
  }

  /** Whether the prefix is in the cache; afterwards it is, with a fresh life. */
  #touch(call: SimulatedCall, prefix: readonly PromptPart[], life: keyof typeof LIFE_MS, nowUnixMs: number): boolean {
    const digest = createHash("sha256")
      .update(`${call.model.snapshot}\n`)
      .update(JSON.stringify(prefix.map((part) => [part.role, part.text])))
      .digest("hex");
    const isHit = (this.#entries.get(digest) ?? 0) > nowUnixMs;
    this.#entries.delete(digest);
    this.#entries.set(digest, nowUnixMs + LIFE_MS[life]);
    if (this.#entries.size > ENTRIES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return isHit;
  }

  #sumTokens(parts: readonly PromptPart[]): number {
    return parts.reduce((sum, part) => sum + countTokens(part, this.countText), 0);
  }
}
