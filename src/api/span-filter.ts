/** The filters on spans that questions share. */
import { z } from "zod";
import { whereExpression } from "../storage/queries/where-expression.ts";
import { ApiProblem } from "./problem.ts";

export const agentQuery = z
  .string()
  .max(200)
  .default("")
  .describe("An agent's name; `*` and `?` match any characters.");

export const spanFilterQuery = {
  agent: agentQuery,
  session: z.string().max(256).default(""),
  decision: z.enum(["allow", "deny", "forbid", "require_approval"]).optional(),
  error: z.stringbool().default(false).describe("Only spans whose status is error."),
  where: z
    .string()
    .max(2_000)
    .optional()
    .describe("A boolean SQL expression over a span's columns, run as the read-only user."),
};

type SpanFilterQuery = z.output<z.ZodObject<typeof spanFilterQuery>>;

/** What fills a query's `{{where}}`, and its parameters. Throws `invalid_request` for an expression that may not run. */
export function spanFilter({ agent, session, decision, error, where }: SpanFilterQuery): {
  readonly where: string;
  readonly parameters: Readonly<Record<string, string | number>>;
} {
  const parameters = { agent: agentPattern(agent), session, decision: decision ?? "", error: error ? 1 : 0 };
  if (where === undefined) return { where: "1", parameters };
  const checked = whereExpression(where);
  if (!checked.ok) throw new ApiProblem("invalid_request", `query.where: ${checked.message}`);
  return { where: checked.sql, parameters };
}

/** A glob as a pattern of LIKE. */
export function agentPattern(glob: string): string {
  return glob
    .replaceAll(/[\\%_]/g, (char) => `\\${char}`)
    .replaceAll("*", "%")
    .replaceAll("?", "_");
}
