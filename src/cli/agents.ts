import { Command } from "commander";
import { agentKeyCommands } from "./credentials.ts";
import type { Output } from "./output.ts";

/** `tollgate agents`: the agents and the keys that were issued to them. */
export function agentsCommand(output: Output): Command {
  const command = new Command("agents").description("agents, and the keys that were issued to them");
  for (const each of agentKeyCommands(output)) command.addCommand(each);
  return command;
}
