/** An agent of the demo's fleet as an ES module: loads the ESM twins of the SDKs. Its plan is its one argument, as JSON. */
import Anthropic from "@anthropic-ai/sdk";
// oxlint-disable-next-line no-restricted-imports -- an agent is a user of the package, not a part of the processor
import { guardTool } from "@tollgate/instrumentation";
import OpenAI from "openai";

import { runCallers } from "./run-callers.cjs";

await runCallers({ OpenAI, Anthropic, guardTool }, JSON.parse(process.argv[2] ?? "{}"));
