/**
 * Goal: values that no two spans share - of agents, sessions, users, labels, keys, models, providers, tools, hosts - are stored once and
 * counted exactly, what is kept for each is bounded, and the questions are still answered. Method: two waves, the second beyond
 * all bounds that the first has filled, some batches of both sent twice; then the sums by ClickHouse's count, the ledger's and the API's.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { COLLECTS, collectIn } from "../support/collected.ts";
import { exportRequest, type ForeignSpan, postSpans } from "../support/otlp-json.ts";
import { Random } from "../support/random.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";
import { imbalanceOf, scrapeFlows } from "../support/scrape.ts";
import { STORM_SPAN_NANO_USD } from "../support/span-storm.ts";

const SEED = 20_261_122;
const SPANS_IN_BATCH = 2_000;
const BATCHES_IN_WAVE = 26;
const SPANS = 2 * BATCHES_IN_WAVE * SPANS_IN_BATCH;
/** Of every four spans three are calls of models, two of them with a price, and one is of a tool. */
const PRICED = SPANS / 2;
const NANO_USD = String(BigInt(PRICED) * STORM_SPAN_NANO_USD);
/** Less than a wave: the agents of the second one have no instance of their own. */
const EACH_MAX = 10_000;
const SENDERS = 2;
const RESENT_BATCHES = 3;
/** A key of its own makes a span dearer to read than any value does. */
const SPANS_A_KEY = 10;
/** What keeps 2 KB for each span's values is beyond it. */
const USED_BYTES_MAX = 256 * 1_048_576;
const SERIES_MAX = 8_000;
const TIMEOUT_MS = 60_000;

const rig = useRig({
  env: COLLECTS,
  governance: [
    "kind: budget\nname: all\nlimit: $1000\nwindow: lifetime\nunknown_price: allow",
    `kind: budget\nname: per-agent\neach: agent\neach_max: ${EACH_MAX}\nlimit: $1\nwindow: lifetime\nunknown_price: allow`,
    "kind: budget\nname: per-session\neach: session\nlimit: $1\nwindow: lifetime\nunknown_price: allow",
    "kind: budget\nname: per-user\neach: user\nlimit: $1\nrolling: 24h\nunknown_price: allow",
  ].join("\n---\n"),
});

it(`stores, counts and bounds ${SPANS} spans that share no value`, { timeout: 3 * TIMEOUT_MS }, async () => {
  const random = new Random(SEED);
  await sendWave(random);
  await sendWave(random);
  await delivered(rig());
  const [distinct, quarter, calls] = [String(SPANS), String(SPANS / 4), String((SPANS / 4) * 3)];
  expect(await sqlRows(rig(), BOOKS, 1)).toEqual([
    {
      spans: distinct,
      ids: distinct,
      agents: distinct,
      sessions: distinct,
      tenants: distinct,
      tools: quarter,
      models: quarter,
      nano_usd: NANO_USD,
    },
  ]);
  expect(await sqlRows(rig(), SPEND, 1)).toEqual([{ agents: calls, nano_usd: NANO_USD }]);
  const budgets = await budgetsNow();
  const perAgent = budgets.filter(({ name }) => name === "per-agent");
  // And one for all that are beyond.
  expect(perAgent).toHaveLength(EACH_MAX + 1);
  const [perSession, perUser] = ["per-session", "per-user"].map((wanted) =>
    budgets.filter(({ name }) => name === wanted),
  );
  expect([perSession?.length, perUser?.length]).toEqual([PRICED, PRICED]);
  for (const kind of [perAgent, perSession ?? [], perUser ?? [], budgets.filter(({ name }) => name === "all")]) {
    expect(String(kind.reduce((sum, { settled }) => sum + BigInt(settled), 0n))).toBe(NANO_USD);
  }
  for (const [component, flow] of await scrapeFlows(rig().processor.endpoints.api)) {
    expect({ component, imbalance: imbalanceOf(flow) }).toEqual({ component, imbalance: 0 });
  }
  expect((await metrics()).series).toBeLessThan(SERIES_MAX);
  const used = await waitFor(
    async () => {
      collectIn(rig().processor.endpoints.pid);
      return atMost((await metrics()).used, USED_BYTES_MAX);
    },
    { what: "the memory at its level", timeoutMs: TIMEOUT_MS },
  );
  console.log({ used_mib: Math.round(used / 1_048_576) });
  for (const question of [["spend", "--by", "team"], ["traces"], ["session"]]) {
    expect((await rig().processor.cli(...question)).length, question.join(" ")).toBeGreaterThan(0);
  }
});

const BOOKS = `SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids, toString(uniqExact(agent)) AS agents,
    toString(uniqExact(session)) AS sessions, toString(uniqExact(labels['tenant'])) AS tenants, toString(uniqExactIf(tool, tool != '')) AS tools,
    toString(uniqExactIf(model, model LIKE 'model-%')) AS models, toString(sum(cost_nano_usd)) AS nano_usd
  FROM spans`;

const SPEND =
  "SELECT toString(uniqExact(agent)) AS agents, toString(sum(cost_nano_usd)) AS nano_usd FROM spend_by_minute";

interface Budget {
  readonly name: string;
  readonly settled: string;
}

/** All instances: more than a child process of a test may print. */
async function budgetsNow(): Promise<readonly Budget[]> {
  const { processor, workspace } = rig();
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  const all: Budget[] = [];
  for (;;) {
    const page = `${processor.endpoints.api}/v1/budgets?limit=10000&offset=${all.length}`;
    const answer = await fetch(page, { headers });
    expect(answer.status).toBe(200);
    const { budgets, total } = (await answer.json()) as { budgets: readonly Budget[]; total: number };
    all.push(...budgets);
    if (all.length >= total || budgets.length === 0) return all;
  }
}

async function sendWave(random: Random): Promise<void> {
  const batches = Array.from({ length: BATCHES_IN_WAVE }, () => JSON.stringify(batchOf(random)));
  const queue = [...batches, ...batches.slice(0, RESENT_BATCHES)];
  const send = async (): Promise<void> => {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      while (!(await isTaken(batch))) await delay(20);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
}

async function isTaken(batch: string): Promise<boolean> {
  const response = await postSpans(rig().processor.endpoints.otlp_http, batch);
  await response.arrayBuffer();
  return response.status === 200;
}

function batchOf(random: Random): unknown {
  const spans = Array.from({ length: SPANS_IN_BATCH }, (_, index): ForeignSpan => {
    const value = random.next().toString(36).slice(2);
    const attributes = {
      "gen_ai.agent.name": `agent-${value}`,
      "session.id": `session-${value}`,
      "user.id": `user-${value}`,
      "server.address": `host-${value}`,
      "tollgate.label.tenant": `tenant-${value}`,
      ...(index % SPANS_A_KEY === 0 ? { [`key.${value}`]: value } : {}),
      ...kindOf(index, value),
    };
    return { name: `span ${value}`, attributes };
  });
  return exportRequest({ "service.name": "distinct" }, spans);
}

function kindOf(index: number, value: string): ForeignSpan["attributes"] {
  if (index % 4 === 0) {
    return {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": `tool-${value}`,
      "tollgate.tool.destinations": `host-${value}`,
    };
  }
  const isKnown = index % 4 !== 1;
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": isKnown ? "openai" : `provider-${value}`,
    "gen_ai.request.model": isKnown ? "gpt-4o-mini" : `model-${value}`,
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 100,
  };
}

/** Bytes of the heap and of buffers, and how many series there are. */
async function metrics(): Promise<{ readonly used: number; readonly series: number }> {
  const text = await (await fetch(`${rig().processor.endpoints.api}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const value = (name: string): number => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  const used = value("nodejs_heap_size_used_bytes") + value("nodejs_external_memory_bytes");
  return { used, series: lines.length };
}

function atMost(value: number, most: number): number | undefined {
  return value <= most ? value : undefined;
}
