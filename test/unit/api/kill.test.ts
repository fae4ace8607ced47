/** People's acts over HTTP: what they take, what they answer, and that nobody who is stopped gets money or a yes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACQUIRE, HELLO, rig, type Rig, TOKEN } from "./rig.ts";

let directory = "";
let on: Rig;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-kill-"));
  on = rig({ stopsFile: join(directory, "stops.json") });
});
afterEach(() => rmSync(directory, { recursive: true }));

const send = (url: string, payload: object, headers: Record<string, string> = {}) =>
  on.api.app.inject({ method: "POST", url, payload, headers });
const act = (url: string, payload: object) =>
  send(url, { wait_ms: 0, ...payload }, { authorization: `Bearer ${TOKEN}` });
const reserve = () => send("/v1/reservations", { agent: "shop", estimate_usd: "0.0001", wait_ms: 0 });
const decide = () => send("/v1/decisions", { agent: "shop", session: "s-1", tool: "anything" });

describe("/v1/kill", () => {
  it("wants a person, a selector that can be read, and a reason for a kill", async () => {
    expect((await send("/v1/kill", { selector: "all", reason: "x" })).statusCode).toBe(401);
    for (const body of [
      { selector: "shop" },
      { selector: "shop", reason: "   " },
      { selector: "", reason: "x" },
      { selector: "agent=a,agent=b", reason: "x" },
      { selector: "=x", reason: "x" },
      { selector: "shop", reason: "x", act: "explode" },
    ]) {
      expect((await act("/v1/kill", body)).json()).toMatchObject({ status: 400, code: "invalid_request" });
    }
  });

  it("refuses the killed money and tools, over leases, reservations and decisions, until they are resumed", async () => {
    await send("/v1/leases/hello", HELLO);
    const killed = await act("/v1/kill", { selector: "shop", reason: "runs wild" });
    expect(killed.json()).toMatchObject({ durable: true, stop: { act: "kill", selector: "agent=shop" } });
    expect((await send("/v1/leases/acquire", ACQUIRE)).json()).toMatchObject({ status: 403, code: "agent_killed" });
    expect((await reserve()).json()).toMatchObject({ status: 403, code: "agent_killed" });
    expect((await decide()).json()).toMatchObject({
      decision: "forbid",
      rule: "kill",
      reason: expect.stringContaining("runs wild"),
    });
    expect((await act("/v1/kill/resume", { selector: "shop" })).json()).toMatchObject({
      lifted: [{ selector: "agent=shop" }],
    });
    expect((await decide()).json()).toMatchObject({ decision: "allow" });
    expect((await send("/v1/leases/acquire", ACQUIRE)).statusCode).toBe(200);
  });

  it("leaves the money of the paused with them, and tells callers without a gate to come back", async () => {
    await send("/v1/leases/hello", HELLO);
    await act("/v1/kill", { selector: "shop", act: "pause" });
    expect((await send("/v1/leases/acquire", ACQUIRE)).statusCode).toBe(200);
    const refused = await reserve();
    expect([refused.json().code, refused.headers["retry-after"]]).toEqual(["agent_paused", "5"]);
    expect((await decide()).json()).toMatchObject({ decision: "forbid", rule: "pause" });
  });

  it("stops a session without its agent, and everything with `all`", async () => {
    await act("/v1/kill", { selector: "session=s-1", reason: "this run" });
    expect((await decide()).json()).toMatchObject({ decision: "forbid" });
    const other = await send("/v1/decisions", { agent: "shop", session: "s-2", tool: "anything" });
    expect(other.json()).toMatchObject({ decision: "allow" });
    await act("/v1/kill", { selector: "all", reason: "fire" });
    expect((await send("/v1/decisions", { agent: "mail", tool: "anything" })).json()).toMatchObject({ rule: "kill" });
  });

  it("says not found for what is not stopped", async () => {
    expect((await act("/v1/kill/resume", { selector: "shop" })).json()).toMatchObject({ code: "not_found" });
  });
});
