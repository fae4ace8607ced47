/** Runs test/support/agents/steps.mjs as an agent process and gives back what came of each step. */
import { join } from "node:path";
import { Child } from "../../src/demo/child-process.ts";
import { lastWords, type Endpoints } from "../../src/demo/processor-process.ts";

export type Step = Readonly<Record<string, unknown>> & { readonly kind: string };

export interface StepResult {
  readonly ok: boolean;
  /** What the SDK or the tool answered. */
  readonly reply: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface StepAgentOptions {
  readonly name: string;
  readonly providerUrl: string;
  readonly endpoints?: Pick<Endpoints, "otlp_http" | "api">;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const AGENT_PATH = join(import.meta.dirname, "agents", "steps.mjs");

export async function runSteps(options: StepAgentOptions): Promise<{
  readonly results: readonly StepResult[];
  readonly stderr: string;
}> {
  const { name, providerUrl, endpoints, labels = {}, steps } = options;
  const child = new Child({
    args: [
      "--import",
      "@tollgate/instrumentation/register",
      AGENT_PATH,
      JSON.stringify({ providerUrl, apiKey: name, steps }),
    ],
    env: {
      TOLLGATE_AGENT: name,
      OTEL_RESOURCE_ATTRIBUTES: Object.entries(labels)
        .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
        .join(","),
      ...(endpoints === undefined
        ? {}
        : { OTEL_EXPORTER_OTLP_ENDPOINT: endpoints.otlp_http, TOLLGATE_ENDPOINT: endpoints.api }),
      ...options.env,
    },
  });
  const exit = await child.exit;
  const lines = exit.stdout
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  if (exit.code !== 0 || lines.length !== steps.length) throw new Error(`agent ${name}: ${lastWords(exit)}`);
  return { results: lines.map((line) => JSON.parse(line) as StepResult), stderr: exit.stderr };
}
