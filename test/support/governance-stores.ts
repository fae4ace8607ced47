import type { ChangeLog, NewChange } from "../../src/changes/change-log.ts";
import { CredentialStore } from "../../src/identity/credential-store.ts";
import type { Clock } from "../../src/support/clock.ts";

/** What an API needs beside its subject: no credentials on any disk, and changes that are kept in memory. */
export function governanceStores(clock: Clock): {
  readonly credentials: CredentialStore;
  readonly changes: Pick<ChangeLog, "record" | "recent" | "head">;
  readonly recorded: readonly NewChange[];
} {
  const recorded: NewChange[] = [];
  return {
    credentials: new CredentialStore({ file: "/dev/null/credentials.json", clock }),
    changes: {
      record: async (change) => void recorded.push(change),
      get recent() {
        return recorded.map((change, index) => ({ ...change, id: `chg_${index}`, seq: index + 1, atMs: 0 }));
      },
      head: "",
    },
    recorded,
  };
}
