/**
 * Goal: what the gate gets by leases, an agent in any language gets by `/v1/reservations`: a hard budget holds, money is
 * counted once, whatever is doubled, reordered, late or restarted in between.
 * Method: the real ledger with its journal on disk and the real server on a free port, over HTTP; a restart is a new server
 * and a new ledger over the same directory.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Reserver, type Answer } from "./reserver.ts";

const SHOP = "key-of-shop-0123456789";
const MAIL = "key-of-mail-0123456789";
const LIMIT = 1_000_000n;

let directory = "";
let on: Reserver;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-reservations-"));
  on = await Reserver.start({ directory });
});

afterEach(async () => {
  await on.stop();
  await rm(directory, { recursive: true });
});

/** Stops the server and the ledger, and starts both anew over the same journal. */
async function restart(options: Partial<Parameters<typeof Reserver.start>[0]> = {}): Promise<void> {
  await on.stop();
  on = await Reserver.start({ directory, ...options });
}

const create = (change: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  on.post("/v1/reservations", { agent: "shop", estimate_usd: "0.0001", wait_ms: 0, ...change }, headers);
const act = (id: unknown, verb: string, body: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  on.post(`/v1/reservations/${String(id)}/${verb}`, body, headers);

describe("a reservation", () => {
  it("sets money aside, counts what was spent, and gives the rest back", async () => {
    const made = await create();
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        decision: "allow",
        granted_usd: "0.000100000",
        expires_in_ms: 30_000,
        budgets: ["all"],
      },
    ]);
    expect(on.budget()).toMatchObject({ settled: 0n, reserved: 100_000n });
    const committed = await act(made.body["id"], "commit", { actual_usd: "0.000030001" });
    expect(committed).toMatchObject({
      status: 200,
      body: { outcome: "committed", settled_usd: "0.000030001", released_usd: "0.000069999", overrun: false },
    });
    expect(on.budget()).toMatchObject({ settled: 30_001n, reserved: 0n });
  });

  it("is priced by its worst case, and committed by its usage", async () => {
    await restart({ limit: "$1" });
    const tokens = { input: 1_000, output: 100 };
    const made = await create({ estimate_usd: undefined, model: "gpt-4o-mini", tokens });
    expect(made).toMatchObject({ status: 201, body: { granted_usd: "0.000210000" } });
    const usage = { model: "gpt-4o-mini", input_tokens: 1_000, output_tokens: 50 };
    const committed = await act(made.body["id"], "commit", { usage });
    expect(committed.body).toMatchObject({
      outcome: "committed",
      settled_usd: "0.000180000",
      price_version: expect.stringMatching(/^genai-prices@/),
    });
    expect(on.budget()).toMatchObject({ settled: 180_000n, reserved: 0n });
  });

  it("takes less output when it may, and says how much", async () => {
    const wish = { estimate_usd: undefined, model: "gpt-4o-mini" };
    const tokens = { input: 1_000, output: 10_000 };
    expect((await create({ ...wish, tokens })).status).toBe(402);
    const made = await create({ ...wish, tokens: { ...tokens, min_output: 1 } });
    // 850,000 nano-dollars are left after the input, at 600 a token.
    expect(made).toMatchObject({ status: 201, body: { granted_usd: "0.001000000", max_output_tokens: 1_416 } });
  });

  it("that spent more than it held is counted in full, and says so", async () => {
    const made = await create();
    const committed = await act(made.body["id"], "commit", { actual_usd: "0.002" });
    expect(committed.body).toMatchObject({ outcome: "committed", overrun: true, released_usd: "0.000000000" });
    expect(on.budget()).toMatchObject({ settled: 2_000_000n, reserved: 0n, state: "overrun" });
  });

  it("under no budget is allowed, and holds nothing", async () => {
    await restart({ scope: { team: "nobody" } });
    const made = await create();
    expect(made).toMatchObject({ status: 201, body: { granted_usd: "0.000100000", budgets: [] } });
    for (const [verb, body, outcome] of [
      ["extend", {}, undefined],
      ["commit", { actual_usd: "1" }, "committed"],
      ["release", {}, "released"],
    ] as const) {
      const answer = await act(made.body["id"], verb, body);
      expect([answer.status, answer.body["outcome"]]).toEqual([200, outcome]);
    }
    expect(on.budget()).toMatchObject({ settled: 0n, reserved: 0n });
  });
});

describe("a refusal", () => {
  it("names the budget, and leaves nothing reserved", async () => {
    const refused = await create({ estimate_usd: "0.001000001" });
    expect(refused).toMatchObject({
      status: 402,
      type: expect.stringContaining("application/problem+json"),
      body: {
        code: "budget_exceeded",
        decision: "deny",
        budget: { name: "all", measure: "usd", limit_usd: "0.001000000", remaining_usd: "0.001000000" },
      },
    });
    expect(refused.body["budget"]).not.toHaveProperty("past");
    expect(refused.body).toMatchObject({
      obstacle: "too_large",
      detail:
        "budget `all` of $0.001 is less than one such call may cost: $0.001000001, with its output bound as low as it goes",
    });
    expect(refused.retryAfter).toBeNull();
    expect(on.budget()).toMatchObject({ reserved: 0n, remaining: LIMIT });
    expect(on.leases()).toBe(0);
  });

  it("says when the window turns, if the wish fits into an empty one", async () => {
    await restart({ window: "day" });
    const { body } = await create({ estimate_usd: "0.0009" });
    const wish = { estimate_usd: "0.0002" };
    // What others hold may come free long before.
    expect(await create(wish)).toMatchObject({ status: 402, retryAfter: "1", body: { obstacle: "reserved" } });
    await act(body["id"], "commit", { actual_usd: "0.0009" });
    const refused = await create(wish);
    expect(refused).toMatchObject({ status: 402, body: { obstacle: "spent" } });
    const until = Date.parse(String(refused.body["until"]));
    expect(until % 86_400_000).toBe(0);
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(86_400);
    expect((await create({ estimate_usd: "0.1" })).retryAfter).toBeNull();
  });

  it("with a key is not for ever: the same request may succeed later", async () => {
    const holder = await create({ estimate_usd: "0.001" });
    const key = { "idempotency-key": "later" };
    expect((await create({}, key)).status).toBe(402);
    await act(holder.body["id"], "release");
    expect((await create({}, key)).status).toBe(201);
    expect(on.budget()).toMatchObject({ reserved: 100_000n });
  });

  it("meets what a budget counts and the estimate leaves out", async () => {
    await restart({ limit: "5000 tokens" });
    const refused = await create();
    expect(refused).toMatchObject({ status: 400, body: { code: "estimate_incomplete" } });
    expect(on.budget()).toMatchObject({ reserved: 0n });
    const made = await create({ tokens: { input: 3_000, output: 1_000 } });
    expect(on.budget()).toMatchObject({ reserved: 4_000n });
    // Nobody says how many tokens it took: as many as were reserved.
    await act(made.body["id"], "commit", { actual_usd: "0.00001" });
    expect(on.budget()).toMatchObject({ settled: 4_000n, reserved: 0n });
  });
});

describe("an Idempotency-Key", () => {
  const key = { "idempotency-key": "order-17" };

  it("makes a repetition the same reservation, also after a restart", async () => {
    const made = await create({}, key);
    expect((await create({}, key)).body).toEqual(made.body);
    await restart();
    expect((await create({}, key)).body).toEqual(made.body);
    expect(on.budget()).toMatchObject({ reserved: 100_000n });
    expect((await act(made.body["id"], "commit", { actual_usd: "0.00001" })).body["outcome"]).toBe("committed");
    expect(on.budget()).toMatchObject({ settled: 10_000n, reserved: 0n });
  });

  it("makes one reservation of many at once", async () => {
    const made = await Promise.all(Array.from({ length: 16 }, () => create({}, key)));
    expect(new Set(made.map(({ body }) => body["id"])).size).toBe(1);
    expect(on.budget()).toMatchObject({ reserved: 100_000n });
  });

  it("is refused with another body, also after a restart and after the commit", async () => {
    const made = await create({}, key);
    const other = (): Promise<Answer> => create({ estimate_usd: "0.0002" }, key);
    expect(await other()).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
    await restart();
    expect((await other()).status).toBe(422);
    await act(made.body["id"], "commit", { actual_usd: "0.00001" });
    expect((await other()).status).toBe(422);
    expect(await create({}, key)).toMatchObject({ status: 409, body: { code: "reservation_ended" } });
    expect(on.budget()).toMatchObject({ settled: 10_000n, reserved: 0n });
  });

  it("is refused when it is empty or too long", async () => {
    expect((await create({}, { "idempotency-key": "k".repeat(256) })).status).toBe(400);
  });
});

describe("what comes twice, late or out of order", () => {
  it("a doubled commit counts once, a smaller one lowers nothing, a larger one counts the difference", async () => {
    const id = (await create()).body["id"];
    const commit = async (usd: string): Promise<unknown[]> => {
      const { body } = await act(id, "commit", { actual_usd: usd });
      return [body["outcome"], body["settled_usd"]];
    };
    expect(await commit("0.00005")).toEqual(["committed", "0.000050000"]);
    expect(await commit("0.00005")).toEqual(["already_committed", "0.000050000"]);
    await restart();
    expect(await commit("0.00001")).toEqual(["already_committed", "0.000050000"]);
    expect(await commit("0.00007")).toEqual(["raised", "0.000070000"]);
    expect(on.budget()).toMatchObject({ settled: 70_000n, reserved: 0n });
  });

  it("a release after the commit takes nothing back, and a commit after the release still counts", async () => {
    const id = (await create()).body["id"];
    await act(id, "commit", { actual_usd: "0.00005" });
    expect((await act(id, "release")).body).toMatchObject({ outcome: "already_ended", settled_usd: "0.000050000" });
    const other = (await create()).body["id"];
    expect((await act(other, "release")).body["outcome"]).toBe("released");
    expect((await act(other, "release")).body["outcome"]).toBe("already_ended");
    expect((await act(other, "commit", { actual_usd: "0.00002" })).body["outcome"]).toBe("raised");
    expect(on.budget()).toMatchObject({ settled: 70_000n, reserved: 0n });
  });

  it("after the expiry the money stays reserved, extending is refused, and the commit counts", async () => {
    const id = (await create()).body["id"];
    on.clock.advance(29_000);
    expect((await act(id, "extend")).body).toEqual({ id, granted_usd: "0.000100000", expires_in_ms: 30_000 });
    on.clock.advance(29_000);
    expect((await act(id, "extend", { ttl_ms: 5_000 })).status).toBe(200);
    on.clock.advance(30_001);
    expect(await act(id, "extend")).toMatchObject({ status: 409, body: { code: "reservation_ended" } });
    expect(on.budget()).toMatchObject({ settled: 0n, reserved: 100_000n });
    const late = await act(id, "commit", { actual_usd: "0.00006" });
    expect(late.body).toMatchObject({ outcome: "committed_late", settled_usd: "0.000060000", overrun: false });
    expect(on.budget()).toMatchObject({ settled: 60_000n, reserved: 0n });
  });
});

describe("64 callers at once", () => {
  it("get exactly what fits, and all that was spent is counted", async () => {
    const answers = await Promise.all(Array.from({ length: 64 }, () => create({ estimate_usd: "0.00003" })));
    const granted = answers.filter(({ status }) => status === 201);
    expect(granted).toHaveLength(33);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(31);
    expect(on.budget()).toMatchObject({ settled: 0n, reserved: 990_000n });
    await Promise.all(
      granted.flatMap(({ body }) => [1, 2].map(() => act(body["id"], "commit", { actual_usd: "0.00002" }))),
    );
    expect(on.budget()).toMatchObject({ settled: 660_000n, reserved: 0n });
    expect(on.leases()).toBe(0);
  });
});

describe("credentials", () => {
  const shop = { authorization: `Bearer ${SHOP}` };
  const mail = { authorization: `Bearer ${MAIL}` };

  beforeEach(() =>
    restart({
      agentKeys: [
        { agents: ["shop"], key: SHOP },
        { agents: ["mail", "shop"], key: MAIL },
      ],
    }),
  );

  it("are needed, and bound to names", async () => {
    expect((await create()).status).toBe(401);
    expect(await create({ agent: "mail" }, shop)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  it("do not reach the reservations of others, neither held nor over nor by the same key", async () => {
    const key = { "idempotency-key": "same" };
    const id = (await create({}, { ...shop, ...key })).body["id"];
    expect((await create({}, { ...mail, ...key })).body["id"]).not.toBe(id);
    for (const verb of ["commit", "release", "extend"]) {
      const answer = await act(id, verb, verb === "commit" ? { actual_usd: "1" } : {}, mail);
      expect(answer).toMatchObject({ status: 404, body: { code: "reservation_unknown" } });
    }
    await act(id, "commit", { actual_usd: "0.00001" }, shop);
    expect((await act(id, "commit", { actual_usd: "1" }, mail)).status).toBe(404);
    expect(on.budget()).toMatchObject({ settled: 10_000n, reserved: 100_000n });
  });
});

describe("bad input", () => {
  it.each([
    ["-0.1"],
    ["NaN"],
    ["Infinity"],
    ["1e-3"],
    ["5abc"],
    [""],
    ["0.0000000001"],
    [1e-7],
    [-1],
    ["0"],
    [0.1 + 0.2],
    [null],
  ])("an estimate of %j is refused", async (estimate) => {
    expect(await create({ estimate_usd: estimate })).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(on.leases()).toBe(0);
  });

  it.each([
    ["neither estimate nor tokens", { estimate_usd: undefined }],
    ["tokens without a model", { estimate_usd: undefined, tokens: { input: 1, output: 1 } }],
    ["negative tokens", { estimate_usd: undefined, model: "gpt-4o", tokens: { input: -1, output: 1 } }],
    ["a key that nobody knows", { lables: {} }],
    ["a time to live of 0", { ttl_ms: 0 }],
  ])("%s is refused", async (_what, change) => {
    expect((await create(change)).status).toBe(400);
  });

  it("a model without a price is named, and its reservation stays open for an amount", async () => {
    const unknown = { model: "made-up-1", input_tokens: 1, output_tokens: 1 };
    const tokens = { input: 1, output: 1 };
    const refused = await create({ estimate_usd: undefined, model: "made-up-1", tokens });
    expect(refused).toMatchObject({ status: 400, body: { code: "price_unknown" } });
    const id = (await create()).body["id"];
    expect((await act(id, "commit", { usage: unknown })).body["code"]).toBe("price_unknown");
    expect((await act(id, "commit", { actual_usd: 0.00005 })).body["settled_usd"]).toBe("0.000050000");
  });

  it("an id that was never given is not known", async () => {
    for (const id of ["0".repeat(32), "f".repeat(32), "x"]) {
      expect((await act(id, "commit", { actual_usd: "1" })).body["code"]).toBe("reservation_unknown");
    }
    expect(on.budget()).toMatchObject({ settled: 0n });
  });
});
