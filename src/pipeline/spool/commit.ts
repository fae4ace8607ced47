import type { Outcome } from "../../component/outcome.ts";
import { IdentitySet } from "./identity-set.ts";

/** Rows that become one block together, and what becomes of them. */
export class Commit<Row> {
  readonly rows: Row[] = [];
  readonly identities: IdentitySet;
  readonly #done = Promise.withResolvers<Outcome>();
  readonly done: Promise<Outcome> = this.#done.promise;

  /** `rowsExpected`: as many as in the one before. */
  constructor(rowsExpected = 0) {
    this.identities = new IdentitySet(rowsExpected);
  }

  resolve(outcome: Outcome): void {
    this.#done.resolve(outcome);
  }
}
