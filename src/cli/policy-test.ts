import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  compilePolicy,
  type CompiledPolicy,
  DEFAULT_LABEL_ORDER,
  parsePolicy,
  policyTemplate,
  ToolCatalogue,
} from "@tollgate/instrumentation/policy";
import { Command } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { readText } from "../config/load.ts";
import { ConfigInvalid, type ConfigProblem } from "../config/problem.ts";
import { validate } from "../config/validate.ts";
import { type Environment, type LocatedDocument, problemAt, readYaml } from "../config/yaml-document.ts";
import { type CaseDocument, caseDocumentSchema } from "../policy/case-document.ts";
import { type CaseResult, runCase } from "../policy/run-cases.ts";
import { EXIT } from "./exit.ts";
import { jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { printable } from "../support/printable.ts";
import { readPolicyFiles } from "./policy-files.ts";

const TEST_FILE = /\.test\.ya?ml$/;

interface TestRow extends CaseResult {
  readonly file: string;
  readonly line: number;
}

interface Governed {
  readonly policies: readonly CompiledPolicy[];
  readonly tools: ToolCatalogue;
}

/** `tollgate policy test FILE…`: runs the cases beside policies; exit code 1 when one is not decided as wanted. */
export function policyTestCommand(output: Output): Command {
  return new Command("test")
    .description("decide on the cases beside a policy (`database.test.yaml` beside `database.yaml`)")
    .argument("<file...>", "test files, or policies that have one beside them")
    .addOption(jsonOption())
    .action((files: readonly string[], options: { readonly json?: boolean }) => {
      const environment = readEnvironment().all;
      const rows = files.flatMap((file) => testFile(testFileOf(file), environment));
      const failed = rows.filter(({ passed }) => !passed);
      if (options.json === true)
        printJson(output, { passed: rows.length - failed.length, failed: failed.length, cases: rows });
      else {
        for (const row of failed) output.line(printable(failureText(row)));
        output.line(`${rows.length - failed.length} passed, ${failed.length} failed`);
      }
      if (failed.length > 0) process.exitCode = EXIT.finding;
    });
}

function failureText({ file, line, name, wanted, decision, rule, reason }: TestRow): string {
  return `${file}:${line}: ${name}: wanted ${wanted}; it is ${decision} by \`${rule}\`: ${reason}`;
}

function testFileOf(file: string): string {
  if (TEST_FILE.test(file)) return file;
  const beside = [".test.yaml", ".test.yml"].map((ending) => file.replace(/\.ya?ml$/, ending));
  const found = beside.find((path) => path !== file && existsSync(path));
  if (found !== undefined) return found;
  throw invalid(file, `has no cases beside it: \`${beside[0] ?? ""}\` is not there`);
}

function testFile(file: string, environment: Environment): readonly TestRow[] {
  const reading = readYaml({ file, text: readText(file), environment });
  if (reading.problems.length > 0) throw new ConfigInvalid(reading.problems);
  return reading.documents.flatMap((source) => testDocument(source, environment));
}

function testDocument(source: LocatedDocument, environment: Environment): readonly TestRow[] {
  const validated = validate(caseDocumentSchema, source);
  if (!validated.ok) throw new ConfigInvalid(validated.problems);
  const governed = governedBy(validated.value, source, environment);
  return validated.value.cases.map((each, index) => {
    return { file: source.file, line: source.locate(["cases", index]).line, ...runCase(each, governed) };
  });
}

function governedBy(document: CaseDocument, source: LocatedDocument, environment: Environment): Governed {
  if (document.template !== undefined) return byTemplate(document.template, source);
  const path =
    document.policy === undefined
      ? source.file.replace(TEST_FILE, source.file.endsWith(".yml") ? ".yml" : ".yaml")
      : resolve(dirname(source.file), document.policy);
  const { policies, tools, labels, problems } = readPolicyFiles([path], environment);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  if (policies.length === 0) throw invalid(path, "holds no policy");
  return {
    policies: policies.map(({ policy }) => compilePolicy(policy, { labels })),
    tools: new ToolCatalogue(tools, labels),
  };
}

function byTemplate(name: string, source: LocatedDocument): Governed {
  const parsed = parsePolicy(policyTemplate(name));
  if (!parsed.ok) throw new ConfigInvalid([problemAt(source, ["template"], `there is no template \`${name}\``)]);
  return { policies: [compilePolicy(parsed.policy)], tools: new ToolCatalogue([], DEFAULT_LABEL_ORDER) };
}

function invalid(file: string, message: string): ConfigInvalid {
  const problem: ConfigProblem = { file, line: 0, column: 0, path: "", message };
  return new ConfigInvalid([problem]);
}
