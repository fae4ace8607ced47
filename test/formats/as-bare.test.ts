/**
 * Goal: an app sees of a gated client what it sees of the bare one, down to how errors, promises and streams look, which rejections nobody
 * handled, and what subclasses, spies and frozen objects of its own meet. Method: the same program (`as-bare.mjs`) runs bare and registered,
 * on the newest and the oldest version that is supported; what the two print is compared line by line.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chatCompletion,
  chatEvents,
  message,
  messageEvents,
  responsesAnswer,
  responsesEvents,
  startScriptedProvider,
  type RecordedRequest,
  type ScriptedAnswer,
  type ScriptedProvider,
} from "../support/scripted-provider.ts";
import { oldestFolder } from "./oldest.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const REGISTER = join(ROOT, "instrumentation", "dist", "register.js");
const PACE_MS = 20;
const FETCH_MS_MAX = 900_000;
const USAGE = { input: 9, output: 4 };

let provider: ScriptedProvider;

beforeAll(async () => {
  provider = await startScriptedProvider(answer);
  oldestFolder();
}, FETCH_MS_MAX);

afterAll(() => provider.close());

function answer({ path, body, headers }: RecordedRequest): ScriptedAnswer {
  const told = { headers: { "x-request-id": "req_1", "request-id": "req_1" } };
  const fault = String(headers["x-fault"] ?? "");
  if (/^\d{3}$/.test(fault)) {
    const error = { message: "bad", code: "nope", type: "invalid", param: "it" };
    return { ...told, status: Number(fault), json: { error } };
  }
  if (fault === "cut") return { cutAfter: 0 };
  if (fault === "garbage") return { text: "{ nonsense" };
  if (fault === "slow") return { until: new Promise(() => {}) };
  const common = {
    ...told,
    ...(fault === "cut-stream" ? { cutAfter: 2 } : {}),
    ...(fault === "pace" ? { between: () => new Promise((resolve) => setTimeout(resolve, PACE_MS)) } : {}),
  };
  if (body["stream"] === true) return { ...common, events: eventsOf(path, body) };
  if (path.endsWith("/messages")) return { ...common, json: message({ input_tokens: 9, output_tokens: 4 }) };
  return { ...common, json: path.endsWith("/responses") ? responsesAnswer(USAGE) : chatCompletion(USAGE) };
}

function eventsOf(path: string, body: Record<string, unknown>): readonly unknown[] {
  if (path.endsWith("/messages")) return messageEvents(["a", "b"], USAGE);
  if (path.endsWith("/responses")) return responsesEvents(["a", "b"], USAGE);
  const { include_usage: isAsked } = (body["stream_options"] ?? {}) as { include_usage?: boolean };
  return chatEvents(["a", "b"], isAsked === true ? USAGE : undefined);
}

async function run(folder: string, preload: readonly string[]): Promise<readonly string[]> {
  const args = [...preload, join(folder, "as-bare.mjs"), provider.url];
  const env = { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$10", NODE_NO_WARNINGS: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env, maxBuffer: 2 ** 26 });
  return stdout.trimEnd().split("\n");
}

describe.each(["newest", "oldest"])("a gated SDK in its %s version", (age) => {
  it("is what the bare one is", async () => {
    const folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-as-bare-"));
    try {
      copyFileSync(join(ROOT, "test", "support", "agents", "as-bare.mjs"), join(folder, "as-bare.mjs"));
      if (age === "oldest") symlinkSync(join(oldestFolder(), "node_modules"), join(folder, "node_modules"));
      const [bare, gated] = await Promise.all([run(folder, []), run(folder, ["--import", REGISTER])]);
      expect(bare.length).toBeGreaterThan(240);
      expect(gated).toEqual(bare);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
