import { LABEL_LEVELS_MAX, parseLabelOrder } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { documentName } from "./shapes.ts";

const level = z.union([z.string(), z.array(z.string())]);

/** `kind: labels`: the order of data labels, where it is not public < internal < confidential < restricted. */
export const labelsDocumentSchema = z.strictObject({
  kind: z.literal("labels").describe("What this document is."),
  name: documentName.describe("Its name. There is one such document."),
  order: z
    .array(level)
    .min(2)
    .max(LABEL_LEVELS_MAX)
    .superRefine((order, context) => {
      const parsed = parseLabelOrder(order);
      if (!parsed.ok) context.addIssue({ code: "custom", message: parsed.problem });
    })
    .describe("Levels from the least sensitive on; a level is a label or a list of labels of the same rank."),
});

export type LabelsDocument = z.output<typeof labelsDocumentSchema>;
