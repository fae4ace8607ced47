import { compileGlob } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { compileSpanExpression } from "../pdata/span-expression.ts";

/** A glob over names, refused where it does not compile. */
export const globSchema = z.string().superRefine((pattern, context) => {
  try {
    compileGlob(pattern);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "not a pattern" });
  }
});

/** A CEL condition over a span. */
export const spanConditionSchema = expressionSchema("bool");

/** A CEL expression over a span that gives a value. */
export const spanValueSchema = expressionSchema("any");

function expressionSchema(result: "bool" | "any") {
  return z.string().superRefine((source, context) => {
    const compiled = compileSpanExpression(source, result);
    if (compiled.ok) return;
    const { line, column, message } = compiled;
    context.addIssue({ code: "custom", message: `in \`${source}\`, ${line}:${column}: ${message}` });
  });
}
