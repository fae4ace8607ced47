/** A tool that a person has to allow: asked for, approved by the command line, and run once, by real processes. */
import { AgentProcess } from "./agent-process.ts";
import type { ProcessorProcess } from "./processor-process.ts";
import { waitFor } from "./wait.ts";

export const APPROVED_TOOL = "db_write_orders";

export interface ApprovalRun {
  readonly processor: ProcessorProcess;
  readonly providerUrl: string;
  readonly seed: number;
}

interface Row {
  readonly id: string;
  readonly tool: string;
}

const NAME = "approval-asker";
const WAIT_MS = 20_000;

/** True when the call waited for its approval, ran once with it, and asked again for the second time. */
export async function askForApproval({ processor, providerUrl, seed }: ApprovalRun): Promise<boolean> {
  const agent = new AgentProcess({
    name: NAME,
    module: "mjs",
    endpoints: processor.endpoints,
    labels: { team: "demo" },
    env: { TOLLGATE_APPROVAL_WAIT_MS: String(WAIT_MS) },
    plan: {
      providerUrl,
      apiKey: `demo-${NAME}`,
      seed,
      callers: 1,
      callsMax: 0,
      calls: [],
      approvedTool: APPROVED_TOOL,
    },
  });
  try {
    const request = await next(processor, "");
    await processor.cli("approvals", "approve", request.id, "--comment", "demo");
    const again = await next(processor, request.id);
    await processor.cli("approvals", "deny", again.id, "--comment", "once was allowed");
    const { tool } = await agent.report();
    return request.tool === APPROVED_TOOL && tool === "ran approval_denied";
  } finally {
    await agent.kill();
  }
}

/** The next pending request of the agent, other than the one with `id`. */
function next(processor: ProcessorProcess, id: string): Promise<Row> {
  return waitFor(
    async () => {
      const rows = (await processor.cli("approvals", "list", "--agent", NAME)) as readonly Row[];
      return rows.find((row) => row.id !== id);
    },
    { what: "a request for approval", timeoutMs: WAIT_MS, intervalMs: 200 },
  );
}
