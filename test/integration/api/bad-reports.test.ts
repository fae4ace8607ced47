/**
 * Goal: nothing that a client reports lowers S, and whatever no honest client says has an outcome with a name and an event.
 * Method: the real server and ledger over HTTP; a lease that has reported 20 of 40, then what is wrong, then the books again.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answer, Reserver } from "./reserver.ts";

const NONE = { nano_usd: "0", tokens: "0", calls: "0" };
const PROCESS = "a".repeat(32);
const OTHER = "b".repeat(32);
const LEASE = "1".repeat(32);
const TOO_BIG = "9223372036854775808";

let directory = "";
let on: Reserver;

const usd = (nanoUsd: number | string): typeof NONE => ({ ...NONE, nano_usd: String(nanoUsd) });

const hello = (processId: string, of: object = {}): Promise<Answer> =>
  on.post("/v1/leases/hello", { process_id: processId, agent: "a", labels: {}, pid: 1, version: "0", ...of });

const acquire = (of: object = {}): Promise<Answer> =>
  on.post("/v1/leases/acquire", {
    process_id: PROCESS,
    lease_id: LEASE,
    seq: 1,
    labels: {},
    settled: NONE,
    need: NONE,
    target: usd(40),
    ahead: NONE,
    wait_ms: 0,
    ...of,
  });

const close = (settled: unknown, processId = PROCESS, leaseId = LEASE): Promise<Answer> =>
  on.post("/v1/leases/close", { process_id: processId, leases: [{ lease_id: leaseId, settled }] });

const books = (): [bigint, bigint] => [on.budget().settled, on.budget().reserved];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-bad-"));
  on = await Reserver.start({ directory });
  await hello(PROCESS);
  await hello(OTHER);
  await acquire();
  await acquire({ seq: 2, settled: usd(20) });
});

afterEach(async () => {
  await on.stop();
  await rm(directory, { recursive: true });
});

const WRONG_AMOUNTS = ["-1", "NaN", "Infinity", "5abc", "1.5", "1e3", "", " 5", "0x10", TOO_BIG, "9".repeat(400)];
const WRONG_VALUES: readonly unknown[] = [-1, 5, 2 ** 53, 1e300, null, true, [], {}, ...WRONG_AMOUNTS];

describe("an amount that is none", () => {
  it.each(WRONG_VALUES)("(%j) is refused with its path and an event, and changes nothing", async (value) => {
    for (const key of ["settled", "need", "target", "ahead", "held"]) {
      const answer = await acquire({ seq: 3, [key]: { ...NONE, nano_usd: value } });
      expect(answer).toMatchObject({ status: 400, body: { code: "invalid_request" } });
      expect(answer.body["errors"]).toMatchObject([{ path: `body.${key}.nano_usd` }]);
    }
    const answer = await close({ ...NONE, nano_usd: value });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(books()).toEqual([20n, 20n]);
    const refused = on.lines
      .map((line) => JSON.parse(line) as { event: string })
      .filter(({ event }) => event === "request_refused");
    expect(refused).toHaveLength(6);
  });

  it("is refused where JSON itself has no such number", async () => {
    for (const text of ["NaN", "-Infinity", "1e9999", "0x1"]) {
      const body = `{"process_id":"${PROCESS}","leases":[{"lease_id":"${LEASE}","settled":{"nano_usd":${text},"tokens":"0","calls":"0"}}]}`;
      expect(await on.post("/v1/leases/close", body)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    }
    expect(books()).toEqual([20n, 20n]);
  });

  it.each(["-0.1", "NaN", "Infinity", "5abc", 2 ** 53 + 0.5, 1e300, TOO_BIG])(
    "(%j) does not commit a reservation",
    async (value) => {
      const created = await on.post("/v1/reservations", { agent: "a", estimate_usd: "0.0000001" });
      const path = `/v1/reservations/${String(created.body["id"])}`;
      expect(await on.post(`${path}/commit`, { actual_usd: value })).toMatchObject({
        status: 400,
        body: { code: "invalid_request" },
      });
      expect(books()).toEqual([20n, 120n]);
      expect(await on.post(`${path}/commit`, { actual_usd: "0.00000006" })).toMatchObject({ status: 200 });
      expect(books()).toEqual([80n, 20n]);
    },
  );
});

describe("labels that are hostile", () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`l${index}`, "v"]));

  it.each([
    ["10,000 of them", many],
    ["a name of a megabyte's like", { ["n".repeat(100_000)]: "v" }],
    ["a name with control characters", { "team\n\u0000": "v" }],
    ["a name that is empty", { "": "v" }],
    ["a value that is no text", { team: 5 }],
    ["a value without an end", { team: "v".repeat(100_000) }],
  ])("(%s) are refused everywhere", async (_what, labels) => {
    for (const answer of [
      await hello(PROCESS, { labels }),
      await acquire({ seq: 3, labels }),
      await on.post("/v1/reservations", { agent: "a", labels, estimate_usd: "0.0000001" }),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    }
    expect(books()).toEqual([20n, 20n]);
  });

  it("(__proto__ and the like) reach no prototype", async () => {
    for (const name of ["__proto__", "\\u005f_proto__"]) {
      const body = `{"agent":"a","labels":{"${name}":"v"},"estimate_usd":"0.0000001"}`;
      expect(await on.post("/v1/reservations", body)).toMatchObject({ status: 400 });
    }
    const labels = { constructor: "v", toString: "v", hasOwnProperty: "v" };
    expect(await acquire({ seq: 3, labels })).toMatchObject({ status: 200 });
    expect(books()).toEqual([20n, 20n]);
  });
});

describe("a report", () => {
  it("above its reservation counts in full, past the limit if need be, and is told", async () => {
    expect(await acquire({ seq: 3, settled: usd(2_000_000) })).toMatchObject({ body: { outcome: "granted" } });
    expect(books()).toEqual([2_000_000n, 0n]);
    expect(on.budget().state).toBe("overrun");
    expect(on.notices).toContainEqual({ notice: "lease_overran", leaseId: LEASE, processId: PROCESS });
  });

  it("that comes twice, late or lower lowers nothing", async () => {
    await acquire({ seq: 2, settled: usd(20) });
    await acquire({ seq: 1, settled: usd(5) });
    await acquire({ seq: 9, settled: usd(3) });
    expect(books()).toEqual([20n, 20n]);
    await close(usd(7));
    await close(usd(7));
    expect(books()).toEqual([20n, 0n]);
    expect(await acquire({ seq: 10, settled: usd(1) })).toMatchObject({ status: 409, body: { code: "lease_lost" } });
    await close(usd(31));
    await close(usd(31));
    expect(books()).toEqual([31n, 0n]);
  });

  it("for the lease of another process changes nothing, and is told", async () => {
    const stray = { notice: "report_stray", leaseId: LEASE, processId: OTHER, of: "foreign" };
    const foreign = await acquire({ process_id: OTHER, seq: 3, settled: usd(39) });
    expect(foreign).toMatchObject({ status: 409, body: { code: "lease_lost" } });
    expect(await close(usd(39), OTHER)).toMatchObject({ status: 200 });
    expect(books()).toEqual([20n, 20n]);
    await close(usd(20));
    await close(usd(39), OTHER);
    expect(books()).toEqual([20n, 0n]);
    expect(on.notices).toEqual([stray, stray, stray]);
  });

  it("for a lease that nobody knows lowers nothing, and is told", async () => {
    const leaseId = "2".repeat(32);
    const stray = { notice: "report_stray", leaseId, processId: PROCESS, of: "unknown" };
    expect(await close(usd(500), PROCESS, leaseId)).toMatchObject({ status: 200 });
    expect(books()).toEqual([20n, 20n]);
    expect(on.notices).toEqual([stray]);
  });

  it("of a process that never said hello is not taken", async () => {
    const answer = await acquire({ process_id: "c".repeat(32), seq: 3, settled: usd(39) });
    expect(answer).toMatchObject({ status: 409, body: { code: "process_unknown" } });
    expect(books()).toEqual([20n, 20n]);
  });
});
