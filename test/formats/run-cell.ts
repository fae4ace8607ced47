import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { ScriptedProvider } from "../support/scripted-provider.ts";
import type { Format, Library } from "./agents.ts";

/** Who held the call; anything else is what the agent said instead. */
export type Outcome = "library" | "wire" | "held" | `not gated: ${string}`;

export interface Cell {
  readonly format: Format;
  readonly library: Library;
  /** Where the agent's files go, and where its libraries are found. */
  readonly folder: string;
  readonly node: string;
}

/** An agent that says too little is ended, so that the test can tell what it said. */
const TIMEOUT_MS = 150_000;

/** Starts an agent with a budget that nothing fits into, and a policy that denies the tool `drop`. */
export function spawnAgent(options: {
  readonly node: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly providerUrl: string;
  readonly env?: Readonly<Record<string, string>>;
}) {
  const { node, args, folder, providerUrl, env = {} } = options;
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:TOLLGATE|OTEL|NODE)_/.test(key));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, "kind: policy\nname: formats\ndeny: [drop]\n");
  return spawn(node, args, {
    cwd: folder,
    env: {
      ...Object.fromEntries(inherited),
      ...env,
      PROVIDER_URL: providerUrl,
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_BUDGET: "$0.000001",
      TOLLGATE_POLICY: policy,
      TOLLGATE_LOG: "debug",
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
}

/** Runs one agent, whose only call does not fit into its budget, and looks whether it was sent. */
export async function runCell({ format, library, folder, node }: Cell, provider: ScriptedProvider): Promise<Outcome> {
  const { args, env = {} } = await format.prepare(folder, library);
  const before = provider.requests.length;
  const child = spawnAgent({ node, args, folder, env, providerUrl: provider.url });
  const [out, err]: [string[], string[]] = [[], []];
  const refusal = library.refusal ?? "budget_exceeded";
  const gated = `${library.gatedAs ?? library.name} is gated: `;
  // Some SDKs leave a timer of minutes behind where their request was refused: all is said then.
  const endWhenSaid = (): void => {
    if (out.join("").trim() === refusal && err.join("").includes(gated)) child.kill("SIGKILL");
  };
  const read = (stream: Readable, into: string[]): void => {
    stream.setEncoding("utf8").on("data", (text: string) => {
      into.push(text);
      endWhenSaid();
    });
  };
  read(child.stdout, out);
  read(child.stderr, err);
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [said, log] = [out.join("").trim(), err.join("")];
  if (said !== refusal || provider.requests.length > before) {
    return `not gated: ${said === "" ? (log.trim().split("\n").at(-1) ?? "") : said}`;
  }
  if (format.expected === "held") return "held";
  return log.includes(gated) ? "library" : "wire";
}
