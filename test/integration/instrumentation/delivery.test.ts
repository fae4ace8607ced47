/**
 * Goal: no way of ending and no state of the receiver loses an audit span in silence. Method: real agent processes with the real
 * exporter against a receiver that goes away, comes back, or has no room left for us on disk; what arrived is counted by span id.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OtlpReceiver } from "../../support/otlp-receiver.ts";
import { sentSpans } from "../../support/sent-spans.ts";
import { chatCompletion, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CHAT = "chat gpt-4o-mini";
const SOURCE = `import OpenAI from "openai";
import { flush, guardTool } from "@tollgate/instrumentation";
const openai = new OpenAI({ apiKey: "k", baseURL: process.env.PROVIDER + "/v1", maxRetries: 0 });
const ask = () => openai.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "hi" }] });
const askAll = (calls, callers = 1) => Promise.all(Array.from({ length: callers }, async () => {
  for (let index = 0; index < calls / callers; index += 1) await ask();
}));
const told = () => new Promise((resolve) => process.stdin.once("data", resolve).resume()).then(() => process.stdin.pause());
`;

let provider: ScriptedProvider;
let receiver: OtlpReceiver;
let folder: string;
let children: ChildProcess[];
let mounted: string | undefined;

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
  receiver = new OtlpReceiver();
  await receiver.up();
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-delivery-"));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await receiver.down();
  await provider.close();
  if (mounted !== undefined) execFileSync("umount", ["--lazy", mounted]);
  mounted = undefined;
  rmSync(folder, { recursive: true, force: true });
});

interface Agent {
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>;
  stderr(): string;
  /** Resolves when the agent has printed `line`. */
  said(line: string): Promise<void>;
}

function startAgent(body: string, env: Readonly<Record<string, string>> = {}): Agent {
  const path = join(folder, `agent-${children.length}.mjs`);
  writeFileSync(path, SOURCE + body);
  const child = spawn(process.execPath, ["--import", "@tollgate/instrumentation/register", path], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      PROVIDER: provider.url,
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_SPOOL_DIR: spool(),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: "delivery agent/1",
      ...env,
    },
  });
  children.push(child);
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  child.stdout.on("data", (chunk) => {
    stdout += String(chunk);
    for (const listener of listeners) listener();
  });
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  return {
    child,
    exited: new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stderr }))),
    stderr: () => stderr,
    said: (line) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (stdout.split("\n").includes(line)) resolve();
        };
        listeners.add(check);
        check();
      }),
  };
}

const spool = (): string => join(folder, "spool");
const AGENT = "delivery%20agent%2F1";
const files = (agent = AGENT): readonly string[] => {
  const directory = join(spool(), agent);
  return existsSync(directory) ? readdirSync(directory) : [];
};
const spansOnDisk = (agent = AGENT): number =>
  files(agent)
    .filter((name) => name.endsWith(".otlp"))
    .map((name) => sentSpans(readFileSync(join(spool(), agent, name))).filter(({ name: of }) => of === CHAT).length)
    .reduce((sum, spans) => sum + spans, 0);

describe("a receiver that is down", () => {
  it("gets every span of 64 callers from the same process when it is back", async () => {
    await receiver.down();
    const agent = startAgent(`await askAll(640, 64); console.log("asked"); await told(); await askAll(64, 64);
      await told(); process.exit();`);
    await agent.said("asked");
    await expect.poll(() => spansOnDisk()).toBe(640);
    await receiver.up();
    agent.child.stdin?.write("go\n");
    await expect.poll(() => receiver.named(CHAT).length).toBe(704);
    await expect.poll(() => files()).toEqual([]);
    agent.child.stdin?.write("go\n");
    expect((await agent.exited).code).toBe(0);
    expect(receiver.named(CHAT)).toHaveLength(704);
    const billed = receiver
      .named(CHAT)
      .reduce((sum, span) => sum + Number(span.attributes["tollgate.cost.nano_usd"]), 0);
    expect(billed).toBe(704 * (12 * 150 + 5 * 600));
  });

  it("gets the spans of a process that was killed from the next one of that agent, and from no other", async () => {
    await receiver.down();
    const killed = startAgent(`await askAll(20); console.log("asked"); await told();`);
    await killed.said("asked");
    await expect.poll(() => spansOnDisk()).toBe(20);
    killed.child.kill("SIGKILL");
    expect((await killed.exited).signal).toBe("SIGKILL");
    await receiver.up();
    await startAgent(`await ask(); await flush();`, { OTEL_SERVICE_NAME: "another" }).exited;
    expect(receiver.named(CHAT)).toHaveLength(1);
    expect((await startAgent(`await ask(); await flush();`).exited).code).toBe(0);
    expect(receiver.named(CHAT)).toHaveLength(22);
    expect(files()).toEqual([]);
  });

  it("finds every span on disk, however the process ended", async () => {
    const ends = [
      { name: "end", body: "", ended: { code: 0, signal: null } },
      { name: "exit", body: "process.exit(3);", ended: { code: 3, signal: null } },
      { name: "throw", body: `setTimeout(() => { throw new Error("boom"); });`, ended: { code: 1, signal: null } },
      { name: "reject", body: `await Promise.reject(new Error("boom"));`, ended: { code: 1, signal: null } },
      {
        name: "signal",
        body: `process.kill(process.pid, "SIGTERM"); await told();`,
        ended: { code: null, signal: "SIGTERM" },
      },
    ];
    await receiver.down();
    const agents = ends.map(({ name, body, ended }) => {
      return { name, ended, agent: startAgent(`await askAll(5); ${body}`, { OTEL_SERVICE_NAME: name }) };
    });
    for (const { name, ended, agent } of agents) {
      const { stderr, ...how } = await agent.exited;
      expect({ name, ...how }).toEqual({ name, ...ended });
      expect(stderr).not.toContain("were lost");
      expect({ name, spans: spansOnDisk(name) }).toEqual({ name, spans: 5 });
    }
  });

  it("costs a process without a spool its spans, and the log says how many", async () => {
    await receiver.down();
    const ended = await startAgent(`await askAll(3);`, { TOLLGATE_SPOOL_DIR: "" }).exited;
    // Three calls, and the closing link of the chain.
    expect(ended.stderr).toMatch(/error: 4 spans were lost: nobody took them/);
  });

  it("keeps what it can't take for want of a key, and sets aside what it refuses for good", async () => {
    receiver.status = 401;
    await startAgent(`await ask();`).exited;
    expect(spansOnDisk()).toBe(1);
    receiver.status = 400;
    const { stderr } = await startAgent(`await flush();`).exited;
    expect(stderr).toContain("is torn or was refused");
    expect(files().map((name) => name.slice(name.lastIndexOf(".")))).toEqual([".refused"]);
  });
});

describe("the files on disk", () => {
  it("that are torn are set aside, halves are removed, and the others are sent", async () => {
    await receiver.down();
    await startAgent(`await askAll(2);`).exited;
    const [whole] = files();
    const directory = join(spool(), AGENT);
    const body = readFileSync(join(directory, String(whole)));
    writeFileSync(join(directory, String(whole).replace(/^\d+/, "000000000000001")), body.subarray(0, body.length / 2));
    writeFileSync(join(directory, "000000000000002-empty.otlp"), "");
    writeFileSync(join(directory, "000000000000003-half.writing"), body.subarray(0, 100));
    execFileSync("touch", ["-d", "2 minutes ago", join(directory, "000000000000003-half.writing")]);
    await receiver.up();
    await startAgent(`await flush();`).exited;
    expect(receiver.named(CHAT)).toHaveLength(2);
    expect(files().map((name) => name.replace(/-.*\./, "."))).toEqual([
      "000000000000001.refused",
      "000000000000002.refused",
    ]);
  });

  it("take no more room than there is, and what does not fit is kept in memory until it is taken", async () => {
    await receiver.down();
    mkdirSync(spool());
    const isMounted = mountTmpfs(spool());
    process.stdout.write(`the disk is ${isMounted ? "a tmpfs" : "a quota of the spool"}\n`);
    const agent = startAgent(`await askAll(64); console.log("asked"); await told(); await askAll(8); await flush();`, {
      TOLLGATE_SPOOL_BYTES_MAX: isMounted ? "" : String(DISK_BYTES),
    });
    await agent.said("asked");
    await expect.poll(() => agent.stderr()).toMatch(/no more are put there|ENOSPC/);
    await receiver.up();
    agent.child.stdin?.write("go\n");
    await agent.exited;
    expect(receiver.named(CHAT)).toHaveLength(72);
    expect(files()).toEqual([]);
  });
});

const DISK_BYTES = 16_384;

function mountTmpfs(directory: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", directory], { stdio: "ignore" });
  } catch {
    return false;
  }
  mounted = directory;
  return true;
}

describe("open spans", () => {
  it("are ended and marked: a tool that hangs, a call without an answer", async () => {
    const arrived = Promise.withResolvers<void>();
    provider.script = () => {
      arrived.resolve();
      return { until: new Promise(() => {}), json: {} };
    };
    const agent = startAgent(`void guardTool("hang", () => new Promise(() => console.log("hangs")))();
      void ask().catch(() => {});
      await told(); process.exit(0);`);
    // A call of which nothing has left costs nothing.
    await Promise.all([arrived.promise, agent.said("hangs")]);
    agent.child.stdin?.write("go\n");
    expect((await agent.exited).code).toBe(0);
    expect(receiver.named("execute_tool hang")[0]?.attributes).toMatchObject({ "tollgate.span.unfinished": true });
    expect(receiver.named(CHAT)[0]?.attributes).toMatchObject({ "tollgate.cost.status": "estimated" });
  });
});

describe("a serverless handler", () => {
  it("has sent its spans when flush() resolves, also from a place where tracing is suppressed", async () => {
    const agent = startAgent(`import { context } from "@opentelemetry/api";
      import { suppressTracing } from "@opentelemetry/core";
      await ask(); await context.with(suppressTracing(context.active()), ask);
      await flush(); console.log("flushed"); await told();`);
    await agent.said("flushed");
    expect(receiver.named(CHAT)).toHaveLength(2);
  });
});

describe("threads that are cut off", () => {
  /** What a thread does: three calls, tells that it has their answers, and works on until it is cut off. */
  const WORK = `await askAll(3); tell("asked"); setInterval(() => {}, 1_000);`;
  const thread = (body: string): string => {
    const path = join(folder, `thread-${body.length}.mjs`);
    writeFileSync(
      path,
      `import { parentPort, Worker } from "node:worker_threads";\n${SOURCE}
      const tell = (word) => parentPort.postMessage(word);\n${body}`,
    );
    return JSON.stringify(path);
  };
  const START = `import { Worker } from "node:worker_threads";
    const asked = (worker) => new Promise((resolve) => worker.once("message", () => resolve(worker)));
    const start = (file) => asked(new Worker(file));`;

  it("have lost no call whose answer they had: terminated, with their process, and a thread of a thread", async () => {
    const one = thread(WORK);
    const two = thread(`const inner = new Worker(${one}); await askAll(3);
      inner.once("message", (word) => { tell(word); while (true); });`);
    // Its event loop never comes round again.
    const three = thread(`await askAll(3); tell("asked"); while (true);`);
    const agent = startAgent(`${START}
      const threads = await Promise.all([${one}, ${two}, ${three}].map(start));
      threads[0].terminate(); threads[1].terminate(); await told(); process.exit(3);`);
    const ended = startAgent(`${START} await start(${one}); process.kill(process.pid, "SIGTERM"); await told();`);
    expect(await ended.exited).toEqual({ code: null, signal: "SIGTERM", stderr: "" });
    await expect.poll(() => receiver.named(CHAT).length).toBeGreaterThanOrEqual(3 + 9);
    agent.child.stdin?.write("go\n");
    expect(await agent.exited).toEqual({ code: 3, signal: null, stderr: "" });
    expect(receiver.named(CHAT)).toHaveLength(3 + 9 + 3);
  });

  it("have left their spans to the next process of the agent where nobody takes them now", async () => {
    await receiver.down();
    const { code } = await startAgent(`${START} await start(${thread(WORK)}); process.exit(3);`).exited;
    expect({ code, spans: spansOnDisk() }).toEqual({ code: 3, spans: 3 });
  });
});
