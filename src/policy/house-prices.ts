import { createPriceBook, isPricesDocument, type PriceBook } from "@tollgate/instrumentation/pricing";
import type { AgentRegistry } from "./registry.ts";

/** The price book under the house prices in force, made anew when governance changes. */
export function housePrices(registry: AgentRegistry): () => PriceBook {
  let version: string | undefined;
  let book: PriceBook | undefined;
  return () => {
    if (book === undefined || version !== registry.version) {
      version = registry.version;
      book = createPriceBook({ house: registry.prices.filter(isPricesDocument) });
    }
    return book;
  };
}
