/** Every way in which Node starts a child process, in a real registered process. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { Child } from "../../../src/demo/child-process.ts";
import { lastWords } from "../../../src/demo/processor-process.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "support", "agents", "children.mjs");

interface Found {
  readonly way: string;
  readonly options: string;
  readonly baggage: string;
}

const IN_APP = join(import.meta.dirname, "..", "..", "support", "agents", "in-app-worker.mjs");

async function start(env: Readonly<Record<string, string>>): Promise<{ found: readonly Found[]; stderr: string }> {
  const child = new Child({
    args: ["--import", "@tollgate/instrumentation/register", SCRIPT],
    env: { TOLLGATE_AGENT: "planner", TOLLGATE_ENDPOINT: "off", ...env },
  });
  const exit = await child.exit;
  if (exit.code !== 0) throw new Error(lastWords(exit));
  const lines = exit.stdout.trim().split("\n");
  return { found: lines.map((line) => JSON.parse(line) as Found), stderr: exit.stderr };
}

it("gates a child and says who started it, and leaves one alone whose environment was replaced", async () => {
  const { found, stderr } = await start({});
  for (const { way, options, baggage } of found) {
    const isReplaced = way.endsWith("Replaced");
    expect({ way, isGated: /--import=file:\S+register\.js/.test(options), baggage }).toEqual({
      way,
      isGated: !isReplaced,
      baggage: isReplaced ? "" : `tollgate.agents=planner,tollgate.session=${way}`,
    });
  }
  expect(found).toHaveLength(8);
  const warnings = stderr.split("\n").filter((line) => line.startsWith("[tollgate] warn: "));
  expect(warnings.filter((line) => line.includes("with an environment of its own"))).toHaveLength(1);
  expect(warnings.filter((line) => line.includes("the first is `true`"))).toHaveLength(1);
});

it("touches no child when it is told not to", async () => {
  const { found } = await start({ TOLLGATE_CHILDREN: "off" });
  expect(found.map(({ options }) => options)).toEqual(found.map(() => ""));
});

it("gates a thread of an app that registered itself, with flags that a thread refuses", async () => {
  const child = new Child({
    args: ["--max-old-space-size=512", "--title", "an-agent", "--no-warnings", IN_APP],
    env: { TOLLGATE_AGENT: "planner", TOLLGATE_ENDPOINT: "off" },
  });
  const exit = await child.exit;
  if (exit.code !== 0) throw new Error(lastWords(exit));
  expect(JSON.parse(exit.stdout)).toMatchObject({
    isGated: true,
    flags: ["--no-warnings", "--import"],
    baggage: "tollgate.agents=planner%2Cthreader",
    isWorker: true,
    // With an environment of its own, which stays as it was asked for.
    bare: { isGated: true, agent: "planner", env: [] },
    // Code given as text: gated, and as strict as it was.
    fromText: [true, true],
  });
  expect(exit.stderr).not.toContain("not gated");
});
