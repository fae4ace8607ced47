/**
 * Goal: what may not be stored is not stored, what nobody wants is dropped, labels are repaired and count, foreign names are
 * nobody's spend - and no sum changes. Method: a real processor with its engine and every processor configured, spans by OTLP in
 * protobuf and JSON under two keys, then the rows, the sums and the metrics.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { delivered } from "../../support/rig.ts";
import { encodeProtobufTraces } from "../../../src/pdata/otlp/encode-traces.ts";
import type { AttributeValue, Span } from "../../../src/pdata/span.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";
import { exportRequest } from "../../support/otlp-json.ts";

const SHOP_KEY = "key-of-shop-0123456789";
const FLEET_KEY = "key-of-fleet-0123456789";
const EMAIL = "alice.liddell@example.org";
const SECRET = `sk-${"Ab3".repeat(16)}`;
const PROMPT = "the quick brown prompt";
const CALLS = 200;
const CALL = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o-mini",
  "gen_ai.usage.input_tokens": 1_000n,
  "gen_ai.usage.output_tokens": 100n,
} as const;
/** $0.15 and $0.60 per million. */
const CALL_NANO_USD = 210_000n;

const CONFIG = `
auth: { metrics_token: scraper, agents: [{ agents: [shop], key: "${SHOP_KEY}" }, { agents: ["db-*"], key: "${FLEET_KEY}" }] }
processors:
  transform:
    rules: [{ when: 'attributes["tenant"] == "acme"', set: { "tollgate.label.team": '"checkout"' } }]
  filter: { drop: ['name == "GET /healthz"'] }
  redact: { detectors: [email], action: hash, patterns: [{ name: employee, regex: "EMP-[0-9]+" }] }
  sample: { ratio: 0.01, rules: [{ when: 'has(attributes.keep)', ratio: 1 }] }
`;
const GOVERNANCE = `
kind: budget
name: checkout
scope: { team: checkout }
limit: $100.00
window: lifetime
---
kind: budget
name: victim
scope: { agent: victim }
limit: $100.00
window: lifetime
`;

let workspace: Workspace;
let processor: ProcessorProcess;

beforeAll(async () => {
  workspace = await createWorkspace({ governance: GOVERNANCE, config: CONFIG });
  processor = await ProcessorProcess.start({ workspace });
});

afterAll(async () => {
  await processor.stop();
  await workspace.remove();
});

let spans = 0;
function span(name: string, attributes: Readonly<Record<string, AttributeValue>>, agent = "shop"): Span {
  spans += 1;
  const startUnixNano = BigInt(Date.now()) * 1_000_000n;
  const all = { ...attributes, "tollgate.agent.name": agent };
  return makeSpan(spans, { name, attributes: all, resource: { "service.name": "svc", contact: EMAIL }, startUnixNano });
}

async function send(sent: readonly Span[], { key = SHOP_KEY, to = processor } = {}): Promise<unknown> {
  const response = await fetch(`${to.endpoints.otlp_http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", authorization: `Bearer ${key}` },
    body: new Uint8Array(encodeProtobufTraces(sent)),
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer()).toString();
}

type Row = Readonly<Record<string, unknown>>;

async function rows(query: string, count: number, of = processor): Promise<readonly Row[]> {
  return waitFor(
    async () => {
      const found = (await of.cli("sql", query)) as readonly Row[];
      return found.length >= count ? found : undefined;
    },
    { what: `${count} rows of ${query}`, timeoutMs: 60_000, intervalMs: 200 },
  );
}

async function metric(name: string, labels: string): Promise<number> {
  const text = await (
    await fetch(`${processor.endpoints.api}/metrics`, { headers: { authorization: "Bearer scraper" } })
  ).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name}{`) && one.includes(labels));
  return Number(line?.split(" ").at(-1) ?? 0);
}

describe("redaction of stored rows", () => {
  it("leaves no prompt, key or address in any column, from protobuf or JSON", async () => {
    const planted: Span = {
      ...span(`call by ${EMAIL}`, {
        ...CALL,
        "gen_ai.input.messages": PROMPT,
        "llm.prompts": PROMPT,
        "user.id": EMAIL,
        "app.note": `from EMP-4711 of ${EMAIL}`,
        "app.deep": [{ list: [EMAIL] }],
        "tollgate.label.desk": EMAIL,
      }),
      statusCode: 2,
      statusMessage: `bad key ${SECRET}`,
      events: [
        { timeUnixNano: 1n, name: "gen_ai.user.message", attributes: new Map([["content", PROMPT]]) },
        { timeUnixNano: 1n, name: "exception", attributes: new Map([["exception.message", `${SECRET} ${EMAIL}`]]) },
      ],
      links: [
        { traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceState: "", attributes: new Map([["m", EMAIL]]) },
      ],
    };
    await send([planted]);
    const json = exportRequest({ "service.name": "svc", contact: EMAIL }, [
      {
        name: `json ${EMAIL}`,
        attributes: {
          "input.value": PROMPT,
          note: EMAIL,
          "gen_ai.operation.name": "chat",
          "gen_ai.agent.name": "shop",
        },
      },
    ]);
    await fetch(`${processor.endpoints.otlp_http}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${SHOP_KEY}` },
      body: JSON.stringify(json),
    });
    const stored = JSON.stringify(await rows("SELECT * FROM span_log WHERE status = 'error' OR name LIKE 'json%'", 2));
    for (const text of [EMAIL, SECRET, PROMPT, "EMP-4711"]) expect(stored).not.toContain(text);
    expect(stored).toContain("bad key hmac:");
    const [row] = await rows(
      "SELECT toInt64(cost_nano_usd) AS cost, attributes['tollgate.content.dropped'] AS content FROM span_log WHERE status = 'error'",
      1,
    );
    expect(row).toMatchObject({ cost: expect.anything(), content: "3" });
    expect(BigInt(String(row?.["cost"]))).toBe(CALL_NANO_USD);
  });

  it("finds a hashed value by its keyed hash, and keeps the key to its owner", async () => {
    const [hashed] = (await processor.cli("hash", EMAIL, "--config", join(workspace.path, "tollgate.yaml"))) as Row[];
    const hash = String(hashed?.["hash"]);
    expect(hash).toMatch(/^hmac:[0-9a-f]{32}$/);
    await rows(`SELECT 1 FROM spans WHERE user = '${hash}' AND attributes['user.id'] = '${hash}'`, 1);
    const { mode } = await stat(join(workspace.dataDir, "hash-key"));
    expect(mode & 0o777).toBe(0o600);
  });
});

describe("filter, transform and sample", () => {
  it("drop what nobody wants, keep each call, and let repaired labels count in budgets and sums", async () => {
    const calls = Array.from({ length: CALLS }, () => span("chat", { ...CALL, tenant: "acme" }));
    const noise = Array.from({ length: CALLS }, () => span("internal", {}));
    const probes = Array.from({ length: 20 }, () => span("GET /healthz", {}));
    const kept = Array.from({ length: 20 }, () => span("wanted", { keep: 1n }));
    expect(await send([...calls, ...noise, ...probes, ...kept])).toBe("");
    await delivered({ processor });
    const total = BigInt(CALLS) * CALL_NANO_USD;
    const [sum] = await rows(
      "SELECT toString(sum(cost_nano_usd)) AS cost, count() AS calls FROM span_log WHERE team = 'checkout'",
      1,
    );
    expect(sum).toMatchObject({ cost: total.toString() });
    expect(Number(sum?.["calls"])).toBe(CALLS);
    const [spend] = (await processor.cli("spend", "--by", "team")).filter(
      (row) => (row as Row)["team"] === "checkout",
    ) as Row[];
    expect(spend).toMatchObject({ cost_usd: "0.042000000" });
    const budgets = (await processor.cli("budgets")) as Row[];
    expect(budgets.find(({ name }) => name === "checkout")).toMatchObject({ settled_usd: "0.042000000" });
    expect(await processor.cli("sql", "SELECT 1 FROM span_log WHERE name = 'GET /healthz'")).toEqual([]);
    expect((await processor.cli("sql", "SELECT 1 FROM span_log WHERE name = 'internal'")).length).toBeLessThan(
      CALLS / 2,
    );
    expect(await metric("tollgate_component_dropped_items_total", 'reason="filtered"')).toBe(20);
    expect(await metric("tollgate_component_dropped_items_total", 'reason="sampled"')).toBeGreaterThan(CALLS / 2);
    expect(await metric("tollgate_component_kept_items_total", 'reason="audit"')).toBeGreaterThan(CALLS / 2);
  });
});

describe("a foreign agent's name", () => {
  it("counts for the key's own agent, unverified, and never for the one that was claimed", async () => {
    await send([span("foreign of shop", CALL, "victim")]);
    await send([span("foreign of fleet", CALL, "victim")], { key: FLEET_KEY });
    await send([span("own of fleet", CALL, "db-1")], { key: FLEET_KEY });
    const stored = await rows(
      "SELECT name, agent, agent_verified, attributes['tollgate.agent.claimed'] AS claimed FROM span_log WHERE name LIKE '% of %' ORDER BY name",
      3,
    );
    expect(stored).toEqual([
      { name: "foreign of fleet", agent: "unknown", agent_verified: false, claimed: "victim" },
      { name: "foreign of shop", agent: "shop", agent_verified: false, claimed: "victim" },
      { name: "own of fleet", agent: "db-1", agent_verified: true, claimed: "" },
    ]);
    const budgets = (await processor.cli("budgets")) as Row[];
    expect(budgets.find(({ name }) => name === "victim")?.["settled_usd"] ?? "0.000000000").toBe("0.000000000");
  });

  it("is refused by partial success where that is configured, the rest of the batch is taken", async () => {
    const config = CONFIG.replace("  filter:", "  identity: { foreign_name: refuse }\n  filter:");
    const strict = await createWorkspace({ governance: GOVERNANCE, config });
    const refusing = await ProcessorProcess.start({ workspace: strict });
    try {
      const sent = [span("foreign", CALL, "victim"), span("mine", CALL), span("foreign", CALL, "victim")];
      const answer = await send(sent, { to: refusing });
      expect(answer).toContain("2 rejected: the key for `shop` is not bound to the agent `victim`");
      expect(answer).not.toContain(SHOP_KEY);
      const stored = await rows("SELECT name, agent FROM span_log", 1, refusing);
      expect(stored).toEqual([{ name: "mine", agent: "shop" }]);
    } finally {
      await refusing.stop();
      await strict.remove();
    }
  });
});
