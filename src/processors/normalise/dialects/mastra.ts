/** Mastra's exporter for OpenTelemetry: the GenAI conventions, and what an app says of a run in words of Mastra's users (recorded: docs/dialects.md). */
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Dialect } from "../dialect.ts";

export const mastra: Dialect = {
  name: "Mastra",
  prefixes: ["mastra.metadata."],
  read({ attributes }) {
    return {
      session: textAttribute(attributes, "mastra.metadata.sessionId"),
      user: textAttribute(attributes, "mastra.metadata.userId"),
    };
  },
};
