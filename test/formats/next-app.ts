/** A Next.js app whose instrumentation hook registers the gate, built and started as in production. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ownPort } from "../support/own-ports.ts";
import type { ScriptedProvider } from "../support/scripted-provider.ts";
import type { Outcome } from "./run-cell.ts";

export const NEXT = ["next@16.4.6", "react@19.2.0", "react-dom@19.2.0"];

export const NEXT_BUILDERS = ["turbopack", "webpack"] as const;

/** What lies outside of the app's bundle. */
export const NEXT_EXTERNAL: Readonly<Record<string, readonly string[]>> = {
  "the gate and the library in `serverExternalPackages`": ["@tollgate/instrumentation", "openai"],
  "the library in `serverExternalPackages`, the gate in the bundle": ["openai"],
  "both in the bundle": [],
};

export interface NextApp {
  readonly builder: (typeof NEXT_BUILDERS)[number];
  readonly external: readonly string[];
}

const START_MS = 60_000;
/** What the gate says of a library that it does not gate. */
const SAYS_UNGATED = /\S+ (?:is loaded but NOT gated|can't be gated): .*/;

const FILES: Readonly<Record<string, string>> = {
  "instrumentation.js": `export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { registerTollgate } = await import("@tollgate/instrumentation");
  await registerTollgate().ready;
}
`,
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;\n",
  "app/api/ask/route.js": `import OpenAI from "openai";
export const dynamic = "force-dynamic";
export async function GET() {
  const client = new OpenAI({ apiKey: "x", baseURL: process.env.PROVIDER_URL + "/v1", maxRetries: 0 });
  const body = { model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "hi" }] };
  return client.chat.completions.create(body).then(
    () => new Response("answered"),
    (error) => new Response(error.code ?? error.cause?.code ?? String(error)),
  );
}
`,
};

/** `folder` has Next.js, `openai` and the gate in its `node_modules`. */
export async function runNext(folder: string, provider: ScriptedProvider, app: NextApp): Promise<Outcome> {
  const config = `export default { serverExternalPackages: ${JSON.stringify(app.external)} };\n`;
  rmSync(join(folder, ".next"), { recursive: true, force: true });
  for (const [name, text] of Object.entries({ ...FILES, "next.config.mjs": config })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const env = {
    ...process.env,
    NEXT_TELEMETRY_DISABLED: "1",
    PROVIDER_URL: provider.url,
    TOLLGATE_ENDPOINT: "off",
    TOLLGATE_BUDGET: "$0.000001",
    TOLLGATE_LOG: "debug",
  };
  const next = join(folder, "node_modules", "next", "dist", "bin", "next");
  try {
    execFileSync(process.execPath, [next, "build", `--${app.builder}`], { cwd: folder, env, stdio: "pipe" });
  } catch (error) {
    return `not gated: ${(error as { readonly stderr: Buffer }).stderr.toString().trim().split("\n").at(-1) ?? ""}`;
  }
  const port = await ownPort();
  const before = provider.requests.length;
  const server = spawn(process.execPath, [next, "start", "-p", String(port)], { cwd: folder, env, stdio: "pipe" });
  const log: string[] = [];
  server.stdout.setEncoding("utf8").on("data", (text: string) => log.push(text));
  server.stderr.setEncoding("utf8").on("data", (text: string) => log.push(text));
  try {
    const said = await ask(`http://127.0.0.1:${port}/api/ask`);
    if (said !== "budget_exceeded" || provider.requests.length > before) return `not gated: ${said}`;
    const [told] = SAYS_UNGATED.exec(log.join("")) ?? [];
    if (told !== undefined) return `not gated: ${told}`;
    return log.join("").includes("openai is gated: ") ? "library" : "wire";
  } finally {
    server.kill("SIGKILL");
  }
}

async function ask(url: string): Promise<string> {
  const until = performance.now() + START_MS;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
