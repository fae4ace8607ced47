/** Raises over HTTP: who may, what is refused with which reason, and that asking twice with a key is asking once. */
import { expect, it } from "vitest";
import { PERSON, rig } from "./rig.ts";

const post = (on: ReturnType<typeof rig>, payload: object, { name = "fleet", headers = {} } = {}) =>
  on.api.app.inject({ method: "POST", url: `/v1/budgets/${name}/raises`, payload, headers: { ...PERSON, ...headers } });

const RAISE = { by: "$10", for: "2h", reason: "month end" };

it("is asked of the ledger with its author, and is an event", async () => {
  const on = rig();
  const reply = await post(on, { ...RAISE, each: "VIP" });
  expect(reply.statusCode).toBe(201);
  expect(reply.json()).toMatchObject({ budget: "fleet", by_usd: "10.000000000", author: "people-token" });
  expect(on.ledger.raised).toMatchObject([
    { budget: "fleet", each: "VIP", amount: 10_000_000_000n, forMs: 7_200_000, reason: "month end" },
  ]);
  expect(on.logLines.join("")).toContain("somebody let a budget spend more");
});

it("asking twice with one key is asking for one raise", async () => {
  const on = rig();
  for (const key of ["k1", "k1", "k2"]) await post(on, RAISE, { headers: { "idempotency-key": key } });
  const [first, again, other] = on.ledger.raised.map(({ id }) => id);
  expect(first).toBe(again);
  expect(first).not.toBe(other);
});

it.each([
  [{ ...RAISE, by: "5abc" }, "body.by"],
  [{ ...RAISE, by: "-1" }, "body.by"],
  [{ ...RAISE, by: "5 calls" }, "the budget counts usd"],
  [{ ...RAISE, by: "$99999999999" }, "body.by"],
  [{ ...RAISE, for: "soon" }, "body.for"],
  [{ by: "$1", for: "2h" }, "body.reason"],
  [{ ...RAISE, reason: "  " }, "body.reason"],
  [{ ...RAISE, extra: 1 }, "body"],
])("refuses %j with the path", async (payload, text) => {
  const reply = await post(rig(), payload);
  expect(reply.statusCode).toBe(400);
  expect(reply.body).toContain(text);
});

it("wants a person, and a budget that is there", async () => {
  const on = rig();
  expect((await post(on, RAISE, { headers: { authorization: "" } })).statusCode).toBe(401);
  expect((await post(on, RAISE, { name: "nope" })).statusCode).toBe(404);
});
