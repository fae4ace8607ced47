import { POLICY_TEMPLATES, policyTemplate } from "@tollgate/instrumentation/policy";
import { Argument, Command } from "commander";
import { stringify } from "yaml";
import { jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { policyLintCommand } from "./policy-lint.ts";
import { policyReplayCommand } from "./policy-replay.ts";
import { policyTestCommand } from "./policy-test.ts";

/** `tollgate policy …`: what can be said of policies before they are in force. */
export function policyCommand(output: Output): Command {
  return new Command("policy")
    .description("check, test and start policies")
    .addCommand(policyLintCommand(output))
    .addCommand(policyTestCommand(output))
    .addCommand(policyReplayCommand(output))
    .addCommand(templateCommand(output));
}

function templateCommand(output: Output): Command {
  return new Command("template")
    .description("print a policy to start from")
    .addArgument(new Argument("<name>", "of the template").choices(POLICY_TEMPLATES))
    .addOption(jsonOption())
    .action((name: string, options: { readonly json?: boolean }) => {
      const document = { kind: "policy", ...policyTemplate(name) };
      if (options.json === true) printJson(output, document);
      else output.line(stringify(document).trimEnd());
    });
}
