/** An agent of the fleet as a child process, started the way the documentation tells users to. */
import { join } from "node:path";

import { Child } from "./child-process.ts";
import { AGENTS_PATH } from "./paths.ts";
import { lastWords, type Endpoints } from "./processor-process.ts";

/** One kind of call that an agent makes. */
export interface CallPlan {
  readonly api: "openai.chat" | "openai.responses" | "anthropic.messages";
  readonly model: string;
  readonly stream: boolean;
  /** Most output tokens; the gate sets one where there is none. */
  readonly bound?: number;
}

/** What an agent is told to do; src/demo/agents/run-callers.cjs says what each field means. */
export interface AgentPlan {
  readonly providerUrl: string;
  readonly apiKey: string;
  readonly seed: number;
  readonly callers: number;
  readonly callsMax?: number;
  readonly calls: readonly CallPlan[];
  readonly deniedTool?: string;
  /** Run twice; each run needs an approval. */
  readonly approvedTool?: string;
  readonly unavailableMs?: number;
}

/** What an agent says when it is done. */
export interface AgentReport {
  readonly calls: number;
  /** Callers that a budget stopped. */
  readonly refused: number;
  /** Times that the gate could not decide and the caller tried again. */
  readonly unavailable: number;
  /** Codes or messages of what else stopped a caller. */
  readonly failed: readonly string[];
  /** "denied" or "ran", when a tool was tried; what came of both runs of one that needs approvals. */
  readonly tool: string;
  /** From the first call to the last. */
  readonly elapsedMs: number;
}

export interface AgentOptions {
  readonly name: string;
  readonly module: "mjs" | "cjs";
  readonly plan: AgentPlan;
  readonly endpoints: Pick<Endpoints, "otlp_http" | "api">;
  /** Labels, sent as OTEL_RESOURCE_ATTRIBUTES. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

export class AgentProcess {
  readonly name: string;
  readonly pid: number;
  readonly #child: Child;

  constructor(options: AgentOptions) {
    this.name = options.name;
    this.#child = new Child({
      args: [
        "--import",
        "@tollgate/instrumentation/register",
        join(AGENTS_PATH, `agent.${options.module}`),
        JSON.stringify(options.plan),
      ],
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: options.endpoints.otlp_http,
        TOLLGATE_ENDPOINT: options.endpoints.api,
        TOLLGATE_AGENT: options.name,
        OTEL_RESOURCE_ATTRIBUTES: Object.entries(options.labels ?? {})
          .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
          .join(","),
        ...options.env,
      },
    });
    this.pid = this.#child.pid;
  }

  /** Waits for the agent's end. Throws with its last words when it did not end well. */
  async report(): Promise<AgentReport> {
    const exit = await this.#child.exit;
    const line = exit.stdout.trim().split("\n").at(-1) ?? "";
    if (exit.code !== 0 || !line.startsWith("{")) throw new Error(`agent ${this.name}: ${lastWords(exit)}`);
    return JSON.parse(line) as AgentReport;
  }

  /** What the agent has written to stderr, once it has ended. */
  async log(): Promise<string> {
    return (await this.#child.exit).stderr;
  }

  async kill(): Promise<void> {
    await this.#child.end("SIGKILL");
  }
}
