/** For a while nobody is asked: written down with its author and reason, marked on every span under it. It lifts no deny and no forbid. */
export interface Bypass {
  readonly id: string;
  /** As parsed: whose acts (`agent=shop-*,team=x`). */
  readonly selector: string;
  /** Pattern of the tools; `*` for all. */
  readonly tools: string;
  readonly author: string;
  readonly reason: string;
  readonly sinceMs: number;
  /** Never more than a day; earlier when somebody ended it. */
  readonly untilMs: number;
  /** Rises by one with each change. @default 1 */
  readonly revision?: number;
}

export const BYPASS_MS_MAX = 86_400_000;
