/**
 * Goal: what one process of a session has read or was refused holds for all processes of it. Method: two real agent processes and a child
 * of one, under rules on sessions, with a real processor between them, which is killed at the end.
 */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Child } from "../../src/demo/child-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";

const rig = useRig({
  governance: `kind: tool
name: read_customers
labels: [confidential]
actions: [read]
---
kind: tool
name: look
labels: [public]
actions: [read]
---
kind: tool
name: send_mail
labels: [public]
actions: [send]
---
kind: policy
name: everyone
default: allow
deny: ["drop_*"]
rules:
  - { name: no-exfiltration, effect: forbid, tools: ["send_*"], when: 'session.label >= label("confidential")' }
  - { name: three-strikes, effect: deny, tools: ["*"], when: 'session.denied >= 3' }
`,
});

const AGENT = join(import.meta.dirname, "..", "support", "agents", "sessions.mjs");
const TIMEOUT_MS = 60_000;
const agents: Child[] = [];
afterEach(() => Promise.all(agents.splice(0).map((agent) => agent.stop(5_000))));

type Act = (session: string, name: string, how?: { readonly child: true }) => Promise<string>;

/** An agent process; resolves to what it does when it is asked. */
async function startAgent(name: string): Promise<Act> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { endpoints } = rig().processor;
  const agent = new Child({
    args: ["--import", "@tollgate/instrumentation/register", AGENT],
    env: {
      TOLLGATE_AGENT: name,
      TOLLGATE_ENDPOINT: endpoints.api,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoints.otlp_http,
    },
    onStderrLine: (line) => /^\d+$/.test(line) && resolve(line),
  });
  agents.push(agent);
  void agent.exit.then(({ stderr }) => reject(new Error(stderr)));
  const port = await promise;
  return async (session, tool, how) => {
    const body = JSON.stringify({ session, name: tool, ...how });
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    return ((await response.json()) as { readonly code: string }).code;
  };
}

async function decide(session: string, tool: string): Promise<string> {
  const response = await fetch(`${rig().processor.endpoints.api}/v1/decisions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ agent: "python", session, tool, arguments: {} }),
  });
  return ((await response.json()) as { readonly decision: string }).decision;
}

test("what one process has read, or was refused, limits all others of its session, and no other session", async () => {
  const [first, second] = await Promise.all([startAgent("reader"), startAgent("mailer")]);
  const until = (code: string, act: () => Promise<string>): Promise<true | undefined> =>
    waitFor(async () => (await act()) === code || undefined, { what: code, timeoutMs: TIMEOUT_MS });

  // Two that both have begun: one reads, and the other may no longer send.
  expect(await second("s-1", "send_mail")).toBe("");
  expect(await first("s-1", "read_customers")).toBe("");
  expect(await first("s-1", "send_mail")).toBe("tool_denied");
  await until("tool_denied", () => second("s-1", "send_mail"));
  expect(await second("s-2", "send_mail")).toBe("");
  // One that comes later, and a caller in another language.
  expect(await first("s-1", "send_mail", { child: true })).toBe("tool_denied");
  expect([await decide("s-1", "send_mail"), await decide("s-2", "send_mail")]).toEqual(["forbid", "allow"]);

  // A child that reads and is gone at once.
  expect(await first("s-3", "read_customers", { child: true })).toBe("");
  expect(await second("s-3", "send_mail")).toBe("tool_denied");

  // Three refusals, at three places.
  expect(await first("s-4", "drop_all")).toBe("tool_denied");
  await until("tool_denied", () => second("s-4", "drop_all"));
  expect(await second("s-4", "look")).toBe("");
  expect(await decide("s-4", "drop_all")).toBe("deny");
  await until("tool_denied", () => first("s-4", "look"));

  // Without the processor: what was heard holds, and nobody begins what others may have limited.
  await rig().processor.kill();
  expect(await second("s-1", "send_mail")).toBe("tool_denied");
  expect(await second("s-2", "send_mail")).toBe("");
  expect(await second("s-5", "look")).toBe("gate_unavailable");
});
