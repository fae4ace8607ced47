import type { Outcome } from "../../component/outcome.ts";
import { IdentitySet } from "./identity-set.ts";

/** Rows that become one block together, and what becomes of them. */
export class Commit<Row> {
  readonly rows: Row[] = [];
  readonly identities = new IdentitySet();
  readonly #done = Promise.withResolvers<Outcome>();
  readonly done: Promise<Outcome> = this.#done.promise;
  resolve(outcome: Outcome): void {
    this.#done.resolve(outcome);
  }
}
