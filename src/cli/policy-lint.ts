import { lintPolicy } from "@tollgate/instrumentation/policy";
import { Command } from "commander";
import { dottedPath } from "../config/dotted-path.ts";
import { readEnvironment } from "../config/environment.ts";
import type { ConfigProblem } from "../config/problem.ts";
import { problemAt } from "../config/yaml-document.ts";
import { EXIT } from "./exit.ts";
import { jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { printable } from "../support/printable.ts";
import { type LocatedPolicy, type PolicyFiles, readPolicyFiles } from "./policy-files.ts";
import { counted } from "../support/counted.ts";

/** One line of the report: what is wrong (`invalid`), or odd. */
interface LintRow extends ConfigProblem {
  readonly rule: string;
  readonly policy: string;
}

/** `tollgate policy lint FILE…`: what is wrong or odd about policies; exit code 1 when anything is. */
export function policyLintCommand(output: Output): Command {
  return new Command("lint")
    .description("find what is wrong or odd: rules that never decide, patterns that match no known tool, type errors")
    .argument("<file...>", "policies, and `kind: tool` and `kind: labels` documents beside them; directories too")
    .addOption(jsonOption())
    .action((files: readonly string[], options: { readonly json?: boolean }) => {
      const read = readPolicyFiles(files, readEnvironment().all);
      const rows = [
        ...read.problems.map((problem) => ({ ...problem, rule: "invalid", policy: "" })),
        ...read.policies.flatMap((policy) => lintOne(policy, read)),
      ];
      if (options.json === true) printJson(output, { policies: read.policies.length, findings: rows });
      else {
        for (const row of rows) output.line(printable(lineOf(row)));
        output.line(`${counted(read.policies.length, "policy", "policies")}, ${counted(rows.length, "finding")}`);
      }
      if (rows.length > 0) process.exitCode = EXIT.finding;
    });
}

function lintOne({ source, policy }: LocatedPolicy, { tools, labels }: PolicyFiles): readonly LintRow[] {
  const saysDefault = typeof source.value === "object" && source.value !== null && "default" in source.value;
  const findings = lintPolicy(policy, {
    labels,
    saysDefault,
    ...(tools.length > 0 ? { tools: tools.map(({ name }) => name) } : {}),
  });
  return findings.map(({ rule, path, message }) => {
    return { ...problemAt(source, dottedPath(source.value, path), message), path, rule, policy: policy.name };
  });
}

function lineOf({ file, line, column, path, message, rule }: LintRow): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return `${place}: ${rule}: ${path === "" ? "" : `${path}: `}${message}`;
}
