import { Command } from "commander";
import type { TraceReply } from "../api/traces.ts";
import { costText } from "./cost-text.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { findProcessor, pathPart } from "./processor.ts";
import { printSpanTree } from "./span-tree.ts";
import { counted } from "../support/counted.ts";

/** `tollgate trace ID`: one trace as a tree. */
export function traceCommand(output: Output): Command {
  return new Command("trace")
    .description("one trace with all its spans")
    .argument("<id>", "the trace id, 32 hex digits")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (id: string, options: CommonOptions) => {
      const reply = await findProcessor(options).get<TraceReply>(`/v1/traces/${pathPart(id)}`);
      if (options.json === true) {
        printJson(output, reply);
        return;
      }
      output.line(
        `trace ${reply.trace_id}   ${costText(reply.cost_usd, reply.unpriced_calls)}   ${counted(reply.spans.length, "span")}\n`,
      );
      printSpanTree(output, reply.spans);
    });
}
