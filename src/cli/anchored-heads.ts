/** The file of heads that an anchor keeps. A line that is no head would prove nothing, and nobody would see it: it is refused. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { KnownHead } from "../audit/verify/checkpoint-check.ts";
import { errorText } from "../telemetry/error-text.ts";
import { CliError, EXIT } from "./exit.ts";

/** What else a head says is not compared. */
const head = z.object({
  log: z.string().min(1),
  number: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/, "64 digits of hex"),
  time: z.iso.datetime(),
});

/** Throws `CliError` for a file that cannot be read, has no heads, or has other lines. */
export async function readAnchoredHeads(file: string): Promise<readonly KnownHead[]> {
  const refuse = (problem: string): never => {
    throw new CliError(EXIT.usage, `\`--anchor ${file}\`: ${problem}`);
  };
  const text = await readFile(file, "utf8").catch((error: unknown) => refuse(errorText(error)));
  const heads: KnownHead[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    try {
      heads.push(head.parse(JSON.parse(line)));
    } catch (error) {
      refuse(`line ${index + 1}: ${problemOf(error)}`);
    }
  }
  return heads.length === 0 ? refuse("it has no heads") : heads;
}

function problemOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return errorText(error);
  const [issue] = error.issues;
  return `\`${issue?.path.join(".") ?? ""}\`: ${issue?.message ?? ""}`;
}
