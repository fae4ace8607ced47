/** OpenLIT: the GenAI conventions, with a cost and some older names of its own. https://docs.openlit.io/latest/sdk/configuration */
import type { Dialect } from "../dialect.ts";

export const openlit: Dialect = {
  name: "OpenLIT",
  prefixes: ["gen_ai.usage.cost"],
  read({ attributes }) {
    return { reportedUsd: attributes.get("gen_ai.usage.cost") };
  },
};
