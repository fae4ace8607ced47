import { REVERSIBILITIES, TOOL_ACTIONS } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { labelText, placePattern } from "./shapes.ts";

/** As agents call it; servers of MCP use characters of their own. */
const toolName = z.string().min(1).max(256);

/** `kind: tool`: what a tool touches, for rules that ask. */
export const toolDocumentSchema = z.strictObject({
  kind: z.literal("tool").describe("What this document is."),
  name: toolName.describe("The tool's name, as agents call it."),
  labels: z.array(labelText).default([]).describe("Labels of the data that it reads or sends."),
  systems: z.array(labelText).default([]).describe("Systems it touches."),
  actions: z.array(z.enum(TOOL_ACTIONS)).default([]).describe("What it does there."),
  reversibility: z.enum(REVERSIBILITIES).optional().describe("Whether what it does can be undone."),
  destinations: z
    .array(placePattern)
    .optional()
    .describe(
      "Where it sends at most: hosts, mail domains, `#channels`, buckets, with `*`. Absent: wherever it is told.",
    ),
  max_records: z.int().min(0).optional().describe("Records that one call of it is about at most. Absent: any number."),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe("SHA-256 of the description and schema that its server gives it: another one makes `tool.changed` true."),
});

export type ToolDocument = z.output<typeof toolDocumentSchema>;
