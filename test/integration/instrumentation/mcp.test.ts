/** The real SDKs of MCP, both twins, in a registered process: tools of MCP servers pass the gate like any other. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../../../src/demo/child-process.ts";
import { OtlpBackend } from "../../support/otlp-backend.ts";
import { sentProblems } from "../../support/sent-spans.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "support", "agents", "mcp.cjs");
const POLICY = { kind: "policy", name: "files", allow: ["read_*"], deny: ["delete_*"], require_approval: ["write_*"] };

const backend = new OtlpBackend({ protocol: "http" });
let folder: string;

beforeEach(async () => {
  await backend.start();
  folder = await mkdtemp(join(tmpdir(), "tollgate-mcp-"));
  await writeFile(join(folder, "policy.json"), JSON.stringify(POLICY));
});

afterEach(async () => {
  await backend.stop();
  await rm(folder, { recursive: true, force: true });
  const problems = new Set(backend.requests.flatMap(({ body }) => sentProblems(body)));
  if (problems.size > 0) throw new Error(`not as the conventions have it: ${[...problems].join("; ")}`);
});

async function run(
  args: readonly string[],
  own: Readonly<Record<string, string>> = {},
): Promise<{ seen: readonly unknown[]; ends: readonly string[] }> {
  const child = new Child({
    args,
    env: {
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_POLICY: join(folder, "policy.json"),
      OTEL_EXPORTER_OTLP_ENDPOINT: backend.endpoint,
      ...own,
    },
  });
  const { stdout, stderr } = await child.exit;
  expect(stderr).not.toContain("NOT gated");
  return JSON.parse(stdout) as Awaited<ReturnType<typeof run>>;
}

const REGISTERED = ["--import", "@tollgate/instrumentation/register"];
/** `@modelcontextprotocol/sdk`, and the packages that came after it. */
const TWINS = ["v1", "v2"].flatMap((version) => ["esm", "cjs"].map((twin) => [version, twin] as const));

const toolFacts = (after: number): unknown[] => {
  const spans = backend.spans.slice(after).filter(({ name }) => name.startsWith("execute_tool"));
  return spans.map(({ name, attributes }) => [
    name.slice("execute_tool ".length),
    attributes.get("mcp.method.name"),
    attributes.get("tollgate.decision"),
    attributes.get("error.type"),
  ]);
};

const DECIDED = [
  ["read_file", "tools/call", "allow", undefined],
  ["read_broken", "tools/call", "allow", "tool_error"],
  ["delete_file", "tools/call", "deny", "tool_denied"],
  ["delete_all", "tools/call", "deny", "tool_denied"],
  ["write_file", "tools/call", "require_approval", "approval_pending"],
  ["resources/read", "resources/read", "deny", "tool_denied"],
];

it.each(TWINS)("sends what the policy allows and nothing else: %s, %s", async (...twin) => {
  const before = backend.spans.length;
  const { seen, ends } = await run([...REGISTERED, SCRIPT, ...twin]);
  expect(ends).toEqual([
    "done",
    "done",
    "ToolDenied tool_denied",
    "ToolDenied tool_denied",
    "ApprovalPending approval_pending",
    "ToolDenied tool_denied",
    "pong",
  ]);
  expect(seen).toEqual([{ name: "read_file", arguments: { path: "/a" } }, { name: "read_broken" }]);
  expect(toolFacts(before)).toEqual(DECIDED);
});

it.each(TWINS)("a server answers a stranger with the reason: %s, %s", async (...twin) => {
  const before = backend.spans.length;
  const { ends } = await run([SCRIPT, ...twin, "apart"]);
  expect(ends).toEqual([
    "done",
    "done",
    expect.stringContaining("`delete_file` is denied by `deny: delete_*`"),
    expect.stringContaining("`delete_all` is denied by `deny: delete_*`"),
    expect.stringContaining("`write_file` waits for approval"),
    expect.stringMatching(/^(?:McpError|ProtocolError) -32603$/),
    "pong",
  ]);
  expect(toolFacts(before)).toEqual(DECIDED);
});

it.each(TWINS)("gives what the bare SDK gives where every tool is allowed: %s, %s", async (...twin) => {
  await writeFile(
    join(folder, "policy.json"),
    JSON.stringify({ ...POLICY, allow: ["*"], deny: [], require_approval: [] }),
  );
  const bare = await run([SCRIPT, ...twin]);
  expect(await run([...REGISTERED, SCRIPT, ...twin])).toEqual(bare);
  expect(bare.ends).toEqual(["done", "done", "done", "done", "done", "pong", "pong"]);
});

const BEHAVIOURS = join(import.meta.dirname, "..", "..", "support", "agents", "mcp-behaviours.cjs");
const OPEN = { kind: "policy", name: "open", allow: ["*"] };
/** Tasks have names that nobody chose. */
const withoutIds = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replace(/[0-9a-f]{32}/g, "a task"));

it.each(TWINS)(
  "progress, time-outs, what is given up, results, errors and tasks are the bare SDK's: %s, %s",
  async (...twin) => {
    await writeFile(join(folder, "policy.json"), JSON.stringify(OPEN));
    const bare = withoutIds(await run([BEHAVIOURS, ...twin])) as { readonly ends: Record<string, unknown> };
    expect(bare.ends).toMatchObject({
      reset: { outcome: { value: { content: [{ text: "told" }] } } },
      late: { outcome: { message: expect.stringContaining("timed out") as unknown } },
      bounded: { outcome: { message: expect.stringContaining("Maximum total timeout") as unknown } },
      measures: { value: { structuredContent: { degrees: 12 } } },
      left: { message: expect.stringContaining("gone") as unknown },
    });
    const before = backend.spans.length;
    expect(withoutIds(await run([...REGISTERED, BEHAVIOURS, ...twin]))).toEqual(bare);
    const errors = toolFacts(before).flatMap((fact) => {
      const [name, method, decision, error] = fact as readonly string[];
      expect([method, decision]).toEqual(["tools/call", "allow"]);
      return error === undefined ? [] : [`${name}: ${error}`];
    });
    const isFirst = twin[0] === "v1";
    const late = isFirst ? "-32001" : "SdkError";
    expect(errors).toEqual([
      "fails: tool_error",
      "throws: -32602",
      isFirst ? "waits: Error" : "waits: SdkError",
      `waits: ${late}`,
      `tells: ${late}`,
      `tells: ${late}`,
      isFirst ? "waits: -32000" : "waits: SdkError",
      "answers: Error",
      "answers: Error",
    ]);
  },
);

it.each(["esm", "cjs"])("what the result of a task holds is known to the session: %s", async (twin) => {
  const rules = [
    { name: "no-leak", effect: "deny", tools: ["send_*"], when: 'session.label >= label("confidential")' },
  ];
  await writeFile(join(folder, "policy.json"), JSON.stringify({ ...OPEN, rules }));
  const { ends } = (await run([...REGISTERED, BEHAVIOURS, "v1", twin])) as unknown as {
    readonly ends: { readonly tasks: unknown };
  };
  expect(ends.tasks).toMatchObject({
    before: { value: { content: [{ text: "sent" }] } },
    after: { type: "ToolDenied", code: "tool_denied" },
  });
});

const AGENT = join(import.meta.dirname, "..", "..", "support", "agents", "agents-mcp.mjs");

it.each([
  ["read_file", "done", "allow"],
  ["delete_file", expect.stringContaining("is denied by `deny: delete_*`") as string, "deny"],
])("decides once where a framework runs the tool by a client of its own: %s", async (tool, given, decision) => {
  const before = backend.spans.length;
  const { ends } = await run([...REGISTERED, AGENT, tool], { TOLLGATE_CHILDREN: "off" });
  expect(ends).toEqual([given]);
  const error = decision === "deny" ? "tool_denied" : undefined;
  const method = decision === "deny" ? undefined : "tools/call";
  expect(toolFacts(before)).toEqual([[tool, method, decision, error]]);
});

const RUG = join(import.meta.dirname, "..", "..", "support", "agents", "mcp-rug.mjs");
const CHANGED = {
  kind: "policy",
  name: "reviewed",
  allow: ["*"],
  rules: [{ name: "no-rug-pull", effect: "deny", when: "tool.changed" }],
};

it("refuses a tool that its server describes otherwise than when it was trusted, until it is as it was", async () => {
  await writeFile(join(folder, "policy.json"), JSON.stringify(CHANGED));
  const before = backend.spans.length;
  const { seen, ends } = await run([...REGISTERED, RUG]);
  expect(ends).toEqual(["done", "done", "tool_denied no-rug-pull", "done", "done"]);
  expect(seen).toEqual(["send_mail", "read_mail", "read_mail", "send_mail"]);
  const mails = backend.spans.slice(before).filter(({ name }) => name === "execute_tool send_mail");
  const facts = mails.map(({ attributes }) =>
    ["decision", "tool.changed", "tool.fingerprint"].map((key) => attributes.get(`tollgate.${key}`)),
  );
  const [first, pulled, last] = facts;
  expect([first?.slice(0, 2), pulled?.slice(0, 2), last?.slice(0, 2)]).toEqual([
    ["allow", false],
    ["deny", true],
    ["allow", false],
  ]);
  expect(first?.[2]).toMatch(/^[0-9a-f]{64}$/);
  expect(last?.[2]).toBe(first?.[2]);
  expect(pulled?.[2]).not.toBe(first?.[2]);
});
