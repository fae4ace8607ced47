/** The provider's own books: what it has billed, in integers, by model and by API key. Nothing of Tollgate is in here. */
import type { BilledTokens } from "./prices.ts";

export interface BilledCall {
  /** As the caller named it. */
  readonly model: string;
  readonly key: string;
  readonly tokens: BilledTokens;
  readonly nanoUsd: bigint;
}

interface Account {
  calls: number;
  nanoUsd: bigint;
  inputTokens: number;
  outputTokens: number;
}

/** One line of the books as JSON; `nano_usd` is a string of digits. */
export interface AccountJson {
  readonly calls: number;
  readonly nano_usd: string;
  /** All input, cache reads and writes included. */
  readonly input_tokens: number;
  readonly output_tokens: number;
}

/** What `GET /__count` answers. */
export interface CountJson extends AccountJson {
  /** Requests that reached the provider, billed or not. */
  readonly requests: number;
  /** Requests that are being answered now: their bill is not in yet. */
  readonly in_flight: number;
  readonly by_model: Readonly<Record<string, AccountJson>>;
  readonly by_key: Readonly<Record<string, AccountJson>>;
}

export class Tally {
  readonly #total = emptyAccount();
  readonly #byModel = new Map<string, Account>();
  readonly #byKey = new Map<string, Account>();
  #requests = 0;
  #inFlight = 0;

  /** A request came in. Every `begin` is followed by one `end`. */
  begin(): void {
    this.#requests += 1;
    this.#inFlight += 1;
  }

  end(): void {
    this.#inFlight -= 1;
  }

  bill(call: BilledCall): void {
    for (const account of [this.#total, accountOf(this.#byModel, call.model), accountOf(this.#byKey, call.key)]) {
      const { input, media, cacheRead, cacheWrite5m, cacheWrite1h, output } = call.tokens;
      account.calls += 1;
      account.nanoUsd += call.nanoUsd;
      account.inputTokens += input + media + cacheRead + cacheWrite5m + cacheWrite1h;
      account.outputTokens += output;
    }
  }

  count(): CountJson {
    return {
      ...accountJson(this.#total),
      requests: this.#requests,
      in_flight: this.#inFlight,
      by_model: accountsJson(this.#byModel),
      by_key: accountsJson(this.#byKey),
    };
  }
}

function emptyAccount(): Account {
  return { calls: 0, nanoUsd: 0n, inputTokens: 0, outputTokens: 0 };
}

function accountOf(accounts: Map<string, Account>, name: string): Account {
  let account = accounts.get(name);
  if (account === undefined) {
    account = emptyAccount();
    accounts.set(name, account);
  }
  return account;
}

function accountJson(account: Account): AccountJson {
  return {
    calls: account.calls,
    nano_usd: account.nanoUsd.toString(),
    input_tokens: account.inputTokens,
    output_tokens: account.outputTokens,
  };
}

function accountsJson(accounts: ReadonlyMap<string, Account>): Record<string, AccountJson> {
  return Object.fromEntries([...accounts].map(([name, account]) => [name, accountJson(account)]));
}
