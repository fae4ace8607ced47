import { StoreLink } from "../budget/valkey/store-link.ts";
import { checkVersion, weakSettings, type WeakSetting } from "../budget/valkey/store-settings.ts";
import type { Config } from "./config-schema.ts";

/** Settings with which the ledger's store may forget grants. Throws when it cannot be asked, or is too old. */
export async function weakLedgerSettings({ ledger }: Config): Promise<readonly WeakSetting[]> {
  const { url = "", username, password, name } = ledger;
  const link = new StoreLink({
    name,
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    onMessage: () => {},
  });
  try {
    await link.open();
    checkVersion(link.info);
    return await weakSettings(link);
  } finally {
    link.close();
  }
}
