import { z } from "zod";
import { documentName, labelText } from "./shapes.ts";

/** `kind: tool`: what a tool touches, for rules that ask. */
export const toolDocumentSchema = z.strictObject({
  kind: z.literal("tool"),
  name: documentName,
  labels: z.array(labelText).default([]),
  systems: z.array(labelText).default([]),
  actions: z.array(labelText).default([]),
});

export type ToolDocument = z.output<typeof toolDocumentSchema>;
