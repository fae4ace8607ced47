import { randomBytes } from "node:crypto";
import type { SharedRow, SharedTable, TableMark } from "../../support/shared-table.ts";
import type { StoreLink } from "./store-link.ts";

const PAGE_ROWS = 500;

export interface StoreTableOptions {
  readonly name: string;
  /** Throws while the ledger is not running. */
  readonly link: () => Pick<StoreLink, "key" | "run">;
  readonly onNews: SharedTable["onNews"];
}

/** A table in the ledger's store: rows by id, and the order in which they were written. */
export function storeTable({ name, link, onNews }: StoreTableOptions): SharedTable {
  const keys = (): readonly string[] =>
    ["rows", "order", "slots", "mark"].map((what) => link().key(`table:${name}:${what}`));
  const page = async (since: TableMark): Promise<readonly [TableMark, boolean, number, readonly SharedRow[]]> => {
    const args = [since.epoch, String(since.seq), String(PAGE_ROWS)];
    const [epoch, seq, isWhole, last, found] = await link().run("changes", args, keys());
    return [{ epoch: String(epoch), seq: Number(seq) }, isWhole === 1, Number(last), rowsOf(found)];
  };
  return {
    changes: async (since) => {
      const [mark, isWhole, readTo, first] = await page(since);
      const rows = [...first];
      for (let last = readTo; last < mark.seq;) {
        const [next, isOther, to, more] = await page({ epoch: mark.epoch, seq: last });
        // It was emptied between two pages.
        if (isOther || next.epoch !== mark.epoch) throw new Error(`the table \`${name}\` changed while it was read`);
        rows.push(...more);
        last = more.length === 0 ? mark.seq : to;
      }
      return { mark, isWhole, rows };
    },
    write: async ({ id, revision, text, after, slot }) => {
      const place = [slot?.name ?? "", slot?.after ?? "", randomBytes(8).toString("hex")];
      const [isWritten] = await link().run("put", [name, id, String(revision), text, String(after), ...place], keys());
      return isWritten === 1;
    },
    remove: async ({ id, revision, slot }) => {
      await link().run("drop", [id, String(revision), slot ?? ""], keys());
    },
    onNews,
  };
}

function rowsOf(found: unknown): readonly SharedRow[] {
  const parts = found as readonly string[];
  const rows: SharedRow[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [id = "", kept = ""] = parts.slice(at, at + 2);
    const space = kept.indexOf(" ");
    rows.push({ id, revision: Number(kept.slice(0, space)), text: kept.slice(space + 1) });
  }
  return rows;
}
