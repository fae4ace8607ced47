/**
 * The fleet's policies and how far the agent went, as this process heard them last, on disk, for the next process that finds no processor. Only where an
 * agent has a key: the file is authenticated with it (HMAC-SHA256), so that who may write files and does not know the key
 * can't loosen a policy. Bounded in size, age and number of files; what is not right is as good as not there.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HelloReply } from "../protocol.ts";
import type { Config } from "./config.ts";
import type { Logger } from "./logger.ts";

/** What decides on tools. */
export type CachedGovernance = Pick<
  HelloReply,
  "require_policy" | "policies" | "tools" | "label_levels" | "autonomy" | "governance_version" | "past"
> & { readonly saved_at: string };

const BYTES_MAX = 4 * 1024 * 1024;
const AGE_MS_MAX = 7 * 24 * 3_600_000;
const FILES_MAX = 64;
const PURPOSE = "tollgate governance cache 1";

export class GovernanceCache {
  readonly #folder: string;
  readonly #file: string;
  readonly #key: Buffer;
  readonly #logger: Logger;
  #savedVersion = "";

  private constructor(folder: string, file: string, options: { readonly key: Buffer; readonly logger: Logger }) {
    this.#folder = folder;
    this.#file = file;
    this.#key = options.key;
    this.#logger = options.logger;
  }

  /** `undefined`: nothing is kept, for want of a key, a processor or a folder. */
  static of({ apiKey, endpoint, agent, cacheDir }: Config, logger: Logger): GovernanceCache | undefined {
    if (apiKey === undefined || endpoint === undefined || cacheDir === undefined) return undefined;
    const key = createHmac("sha256", apiKey.reveal()).update(PURPOSE).digest();
    const name = createHash("sha256").update(`${endpoint.href}\n${agent}`).digest("hex").slice(0, 32);
    return new GovernanceCache(cacheDir, join(cacheDir, `governance-${name}.json`), { key, logger });
  }

  /** Never throws. */
  load(nowMs = Date.now()): CachedGovernance | undefined {
    try {
      if (statSync(this.#file).size > BYTES_MAX) return undefined;
      const { body, mac } = JSON.parse(readFileSync(this.#file, "utf8")) as {
        readonly body: string;
        readonly mac: string;
      };
      const given = Buffer.from(mac, "hex");
      const wanted = this.#mac(body);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
        this.#logger.log("warn", `${this.#file} was not written with this agent's key: it is not used`);
        return undefined;
      }
      const cached = JSON.parse(body) as CachedGovernance;
      const ageMs = nowMs - Date.parse(cached.saved_at);
      return ageMs >= 0 && ageMs <= AGE_MS_MAX ? cached : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps what the processor said, where it is new. Never throws. */
  save(hello: HelloReply, nowMs = Date.now()): void {
    if (hello.governance_version === this.#savedVersion) return;
    const { require_policy, policies, tools, label_levels, autonomy, governance_version, past } = hello;
    const saved_at = new Date(nowMs).toISOString();
    const kept = { require_policy, policies, tools, label_levels, autonomy, governance_version, past, saved_at };
    const body = JSON.stringify(kept satisfies CachedGovernance);
    const text = JSON.stringify({ body, mac: this.#mac(body).toString("hex") });
    if (text.length > BYTES_MAX) return;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const draft = `${this.#file}.${process.pid}`;
      writeFileSync(draft, text, { mode: 0o600 });
      renameSync(draft, this.#file);
      this.#sweep();
      this.#savedVersion = governance_version;
    } catch (problem) {
      this.#logger.once("info", "governance-cache", `policies are not kept on disk: ${(problem as Error).message}`);
    }
  }

  #mac(body: string): Buffer {
    return createHmac("sha256", this.#key).update(body).digest();
  }

  #sweep(): void {
    const files = readdirSync(this.#folder)
      .filter((name) => name.startsWith("governance-"))
      .map((name) => join(this.#folder, name));
    if (files.length <= FILES_MAX) return;
    const byAge = files.map((file) => ({ file, mtimeMs: statSync(file).mtimeMs }));
    byAge.sort((left, right) => right.mtimeMs - left.mtimeMs);
    for (const { file } of byAge.slice(FILES_MAX)) rmSync(file, { force: true });
  }
}
