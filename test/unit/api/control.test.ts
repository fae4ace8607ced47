import { afterEach, describe, expect, it } from "vitest";
import { HELLO, PROCESS_ID, rig, type Rig } from "./rig.ts";

const open: Rig[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.api.close();
});

/** Goal: what a process hears. Method: a stream by injection, read until enough has come; the clock is the test's. */
async function stream(processId = PROCESS_ID) {
  const on = rig();
  open.push(on);
  await on.api.listen({ host: "127.0.0.1", port: 0 });
  await on.api.app.inject({ method: "POST", url: "/v1/leases/hello", payload: HELLO });
  const reply = await on.api.app.inject({
    method: "GET",
    url: `/v1/control?process_id=${processId}`,
    payloadAsStream: true,
  });
  let text = "";
  const arrived: (() => void)[] = [];
  reply.stream().on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (const wake of arrived.splice(0)) wake();
  });
  const until = async (wanted: string): Promise<string> => {
    while (!text.includes(wanted)) await new Promise<void>((resolve) => arrived.push(resolve));
    return text;
  };
  return { on, reply, until };
}

describe("GET /v1/control", () => {
  it("says hello with the governance version, then passes recalls of its own process only", async () => {
    const { on, reply, until } = await stream();
    expect(reply.headers["content-type"]).toContain("text/event-stream");
    expect(await until("event: hello\n")).toMatch(/data: \{"type":"hello","governance_version":"[0-9a-f]{16}"\}\n\n/);
    on.ledger.recall("f".repeat(32), ["not-mine"]);
    on.ledger.recall(PROCESS_ID, ["lease-1", "lease-2"]);
    const text = await until("event: recall\n");
    expect(text).toContain('data: {"type":"recall","lease_ids":["lease-1","lease-2"]}\n\n');
    expect(text).not.toContain("not-mine");
  });

  it("keeps the stream alive with comments", async () => {
    const { on, until } = await stream();
    await until("event: hello");
    on.clock.advance(15_000);
    expect(await until(": keep-alive\n\n")).toContain(": keep-alive");
  });

  it("passes recalls to a process that a restart forgot", async () => {
    const { on, until } = await stream("c".repeat(32));
    await until("event: hello");
    on.ledger.recall("c".repeat(32), ["lease-3"]);
    expect(await until("event: recall\n")).toContain("lease-3");
  });

  it("wants a process id", async () => {
    const wrong = await rig().api.app.inject({ method: "GET", url: "/v1/control?process_id=1" });
    expect([wrong.statusCode, wrong.json().code]).toEqual([400, "invalid_request"]);
  });
});
