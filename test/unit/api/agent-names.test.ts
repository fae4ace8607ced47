/** What is no agent's name is none at any door: each that takes one is asked with the same. */
import { expect, it } from "vitest";
import { ACQUIRE, HELLO, PROCESS_ID, rig } from "./rig.ts";

const DOORS: readonly (readonly [string, (agent: string) => object])[] = [
  ["/v1/leases/hello", (agent) => ({ ...HELLO, agent })],
  ["/v1/leases/hello", (agent) => ({ ...HELLO, labels: { agent } })],
  ["/v1/leases/acquire", (agent) => ({ ...ACQUIRE, labels: { agent } })],
  ["/v1/leases/sessions", (agent) => ({ process_id: PROCESS_ID, sessions: [], pasts: [{ ...PAST, agent }] })],
  ["/v1/reservations", (agent) => ({ ...RESERVATION, agent })],
  ["/v1/reservations", (agent) => ({ ...RESERVATION, labels: { agent } })],
  ["/v1/decisions", (agent) => ({ agent, tool: "x" })],
  ["/v1/decisions", (agent) => ({ agent: "shop", tool: "x", labels: { agent } })],
  ["/v1/approvals", (agent) => ({ ...ASK, agent })],
  ["/v1/approvals", (agent) => ({ ...ASK, labels: { agent } })],
];
const PAST = { has_acted: true, rows: 0, width: 0, labels: [], known: [], tools: {} };
const RESERVATION = { agent: "shop", labels: {}, estimate_usd: "0.01", ttl_ms: 60_000 };
const ASK = {
  agent: "shop",
  session: "s",
  user: "",
  tool: "refund",
  labels: {},
  policy: "p",
  policy_version: "1",
  rule: "r",
  reason: "r",
  process_id: PROCESS_ID,
};

it.each(DOORS)("%s takes a name, and none with control characters, empty or longer than 200", async (url, body) => {
  const on = rig();
  const answer = async (payload: object) => on.api.app.inject({ method: "POST", url, payload });
  await on.api.app.inject({ method: "POST", url: "/v1/leases/hello", payload: HELLO });
  const good = await answer(body("shop"));
  expect([200, 201, 202], good.body).toContain(good.statusCode);
  for (const name of ["shop\u0000", "a\nb", "\u009b31m", "", "a".repeat(201)]) {
    const reply = await answer(body(name));
    expect([reply.statusCode, reply.json().code], JSON.stringify(name)).toEqual([400, "invalid_request"]);
  }
});
