import type { Outcome } from "../../component/outcome.ts";
import type { IdentitySet } from "./identity-set.ts";

/** Rows that become one block together, and what becomes of them. */
export class Commit<Row> {
  readonly rows: Row[] = [];
  readonly identities: IdentitySet;
  readonly #done = Promise.withResolvers<Outcome>();
  readonly done: Promise<Outcome> = this.#done.promise;

  /** `identities`: an empty set that nobody else uses. */
  constructor(identities: IdentitySet) {
    this.identities = identities;
  }

  resolve(outcome: Outcome): void {
    this.#done.resolve(outcome);
  }
}
