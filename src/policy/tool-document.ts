import { z } from "zod";
import { documentName, labelText } from "./shapes.ts";

/** `kind: tool`: what a tool touches, for rules that ask. */
export const toolDocumentSchema = z.strictObject({
  kind: z.literal("tool").describe("What this document is."),
  name: documentName.describe("The tool's name, as agents call it."),
  labels: z.array(labelText).default([]).describe("Data labels of what it reads or sends."),
  systems: z.array(labelText).default([]).describe("Systems it touches."),
  actions: z.array(labelText).default([]).describe("What it does there."),
});

export type ToolDocument = z.output<typeof toolDocumentSchema>;
