import type { Notify } from "../../component/notice.ts";

const CLAIM_LENGTH_MAX = 128;
const TOLD_MAX = 1_000;

/** What a sender is told: which key, by the names it is bound to, and the name that was claimed. */
export function refusalOf(names: readonly string[], claimed: string): string {
  return `the key for ${names.map((name) => `\`${name}\``).join(", ")} is not bound to the agent \`${shortened(claimed)}\``;
}

/** What a sender is told whose span claims a tenant that its key is not bound to. */
export function tenantRefusalOf(claimed: string): string {
  return `the key is not bound to the tenant \`${shortened(claimed)}\``;
}

/** Says once of each key and claimed name that they do not belong together. */
export class ForeignNameWatch {
  readonly #notify: Notify;
  readonly #told = new Set<string>();

  constructor(notify: Notify) {
    this.#notify = notify;
  }

  saw(claim: {
    readonly sender: string;
    readonly names: readonly string[];
    readonly claimed: string;
    readonly isRefused: boolean;
  }): void {
    const name = shortened(claim.claimed);
    const pair = `${claim.sender} ${name}`;
    if (this.#told.has(pair) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(pair);
    const fields = { key_for: claim.names.join(", "), claimed: name, refused: claim.isRefused };
    this.#notify({ level: "warn", event: "foreign_agent_name", fields });
  }
}

/** Says once of each key and claimed tenant that they do not belong together. */
export class ForeignTenantWatch {
  readonly #notify: Notify;
  readonly #told = new Set<string>();

  constructor(notify: Notify) {
    this.#notify = notify;
  }

  /** `sender`: `undefined` for one without a key. */
  saw({ sender = "", claimed, isRefused }: { sender?: string | undefined; claimed: string; isRefused: boolean }): void {
    const tenant = shortened(claimed);
    const pair = `${sender} ${tenant}`;
    if (this.#told.has(pair) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(pair);
    const fields = { has_key: sender !== "", claimed: tenant, refused: isRefused };
    this.#notify({ level: "warn", event: "foreign_tenant", fields });
  }
}

function shortened(name: string): string {
  return name.length <= CLAIM_LENGTH_MAX ? name : `${name.slice(0, CLAIM_LENGTH_MAX)}…`;
}
