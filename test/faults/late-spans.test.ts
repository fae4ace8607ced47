/**
 * Goal: late and out-of-order spans fold in: what is told of a story does not depend on when its spans came, in which order or how often.
 * Method: two fleets live the same story, over the turn of a month, over hours just past, and longer ago than spans are kept. The spans of
 * the first come in the order in which they happened, each once; those of the second children before parents, shuffled, in other batches,
 * hours of one day apart, doubled, and again when all are there. Then every question is asked of both, before and after merges.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { postSpans } from "../support/otlp-json.ts";
import { Random } from "../support/random.ts";
import { delivered, useRig } from "../support/rig.ts";

const SEED = 20_261_123;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ADMIN_PASSWORD = "late-spans-1";
const PUNCTUAL_BATCH = 20;
const LATE_BATCH = 7;
const TIMEOUT_MS = 60_000;
const TABLES = [
  "span_log",
  "trace_log",
  "spend_log",
  "spend_hour_log",
  "settled_minute_log",
  "decision_hour_log",
] as const;

const rig = useRig({
  governance: [
    "kind: budget\nname: fleet\neach: fleet\nlimit: $1000\nwindow: lifetime",
    "kind: budget\nname: agents\neach: agent\nlimit: $1000\nwindow: month",
    "kind: budget\nname: sessions\nlimit: $1000\nwindow: session",
    "kind: budget\nname: rolling\neach: fleet\nlimit: 10000000 tokens\nrolling: 24h",
  ].join("\n---\n"),
  storage: { embedded: `admin_password: ${ADMIN_PASSWORD}`, storage: "retention: { spans: 45d }" },
});

interface Span {
  readonly trace: number;
  readonly span: number;
  readonly parent?: number;
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
}

type Fleet = "punctual" | "straggle";

it("late and out-of-order spans fold in", { timeout: 3 * TIMEOUT_MS }, async () => {
  const random = new Random(SEED);
  const story = storyOf(random);
  const happened = story.toSorted((a, b) => a.startMs + a.durationMs - (b.startMs + b.durationMs));
  for (const batch of batchesOf(happened, PUNCTUAL_BATCH)) await send("punctual", batch);
  const late = batchesOf(shuffled(story, random), LATE_BATCH);
  for (const batch of late) {
    await send("straggle", batch);
    if (random.chance(0.5)) await send("straggle", batch.toReversed());
  }
  for (const batch of shuffled(late, random).slice(0, late.length / 3)) await send("straggle", batch);
  await delivered(rig());
  const told = await toldOf("punctual");
  expect(await toldOf("straggle")).toEqual(told);
  expect(told["totals"]).toEqual([totalsOf(story)]);
  const tokens = Number(totalsOf(story)["input_tokens"]) + Number(totalsOf(story)["output_tokens"]);
  expect(told["budgets"]).toContainEqual({ name: "rolling", scope: { fleet: "fleet" }, settled: String(tokens) });
  for (const table of TABLES) await command(`OPTIMIZE TABLE ${table} FINAL`);
  // Spans beyond what is kept are gone now; their sums, and all that is told of the others, stay.
  for (const fleet of ["punctual", "straggle"] as const) expect(await toldOf(fleet)).toEqual(told);
});

/** Traces of one root, two agents below it, calls to models and tools; begun in one millisecond where an agent is quick. */
function storyOf(random: Random): readonly Span[] {
  const now = new Date();
  const turnMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const begins = [
    ...Array.from({ length: 16 }, () => turnMs - HOUR_MS + random.below(2 * HOUR_MS)),
    ...Array.from({ length: 16 }, () => now.getTime() - 30 * HOUR_MS + random.below(28 * HOUR_MS)),
    ...Array.from({ length: 4 }, () => now.getTime() - 60 * DAY_MS + random.below(5 * DAY_MS)),
    // Open for longer than an hour, and over the turn.
    turnMs - 90_000,
  ];
  return begins.flatMap((beginMs, trace) => traceOf({ trace, beginMs: Math.floor(beginMs), random }));
}

function traceOf({ trace, beginMs, random }: { trace: number; beginMs: number; random: Random }): Span[] {
  const session = { "gen_ai.conversation.id": `session-${trace >> 1}` };
  const agent = (name: string): Span["attributes"] => ({
    ...session,
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": name,
  });
  const spans: Span[] = [
    { trace, span: 0, startMs: beginMs, durationMs: 2 * HOUR_MS, attributes: agent("planner") },
    { trace, span: 1, parent: 0, startMs: beginMs, durationMs: 50, attributes: agent("worker") },
    { trace, span: 2, parent: 0, startMs: beginMs + 60, durationMs: HOUR_MS, attributes: agent("critic") },
  ];
  for (let span = 3; span < 9; span += 1) {
    const isTool = span % 3 === 0;
    const parent = random.below(3);
    const name = ["planner", "worker", "critic"][parent] ?? "";
    const attributes = { ...session, "gen_ai.agent.name": name, ...(isTool ? toolOf(random) : callOf(random)) };
    spans.push({ trace, span, parent, startMs: beginMs + random.below(100 * 60_000), durationMs: 40, attributes });
  }
  return spans;
}

function callOf(random: Random): Span["attributes"] {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": random.pick(["gpt-4o-mini", "gpt-4o"]),
    "gen_ai.usage.input_tokens": random.between(1, 1_000),
    "gen_ai.usage.output_tokens": random.between(1, 100),
  };
}

function toolOf(random: Random): Span["attributes"] {
  return {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "search",
    "tollgate.decision": random.pick(["allow", "deny"]),
    "tollgate.decision.rule": "deny: search",
  };
}

/** By the story alone. */
function totalsOf(story: readonly Span[]): Readonly<Record<string, string>> {
  const tokens = (key: string): string =>
    String(story.reduce((sum, { attributes }) => sum + Number(attributes[`gen_ai.usage.${key}_tokens`] ?? 0), 0));
  const calls = story.filter(({ attributes }) => attributes["gen_ai.operation.name"] === "chat").length;
  return { calls: String(calls), input_tokens: tokens("input"), output_tokens: tokens("output") };
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => b.at - a.at)
    .map(({ item }) => item);
}

function batchesOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

const traceId = (fleet: Fleet, trace: number): string =>
  `${fleet === "punctual" ? "a" : "b"}${String(trace).padStart(31, "0")}`;
const spanId = (span: number): string => `c${String(span).padStart(15, "0")}`;

async function send(fleet: Fleet, spans: readonly Span[]): Promise<void> {
  const text = (key: string, value: string | number): unknown => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  });
  const nanos = (ms: number): string => String(BigInt(ms) * 1_000_000n);
  const request = {
    resourceSpans: [
      {
        resource: { attributes: [text("service.name", fleet)] },
        scopeSpans: [
          {
            scope: { name: "story" },
            spans: spans.map(({ trace, span, parent, startMs, durationMs, attributes }) => ({
              traceId: traceId(fleet, trace),
              spanId: spanId(span),
              ...(parent === undefined ? {} : { parentSpanId: spanId(parent) }),
              name: `span ${span}`,
              kind: 3,
              startTimeUnixNano: nanos(startMs),
              endTimeUnixNano: nanos(startMs + durationMs),
              attributes: Object.entries({ ...attributes, "tollgate.label.fleet": fleet }).map(([key, value]) =>
                // Each fleet's agents and sessions are its own.
                text(key, /agent\.name|conversation/.test(key) ? `${fleet} ${value}` : value),
              ),
            })),
          },
        ],
      },
    ],
  };
  const answer = await postSpans(rig().processor.endpoints.otlp_http, request);
  expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
}

/** Sums by their hours and minutes, with no word of the fleet but in the place of the names. */
const SUMS = {
  totals: `SELECT toString(sum(calls)) AS calls, toString(sum(input_tokens)) AS input_tokens, toString(sum(output_tokens)) AS output_tokens
    FROM spend_by_hour WHERE agent LIKE '{fleet} %'`,
  hours: `SELECT hour, agent, model, toString(sum(calls)) AS calls, toString(sum(cost_nano_usd)) AS cost
    FROM spend_by_hour WHERE labels['fleet'] = '{fleet}' GROUP BY ALL ORDER BY ALL`,
  minutes: `SELECT minute, agent, model, toString(sum(cost_nano_usd)) AS cost FROM spend_by_minute WHERE agent LIKE '{fleet} %' GROUP BY ALL ORDER BY ALL`,
  decisions: `SELECT hour, agent, decision, toString(sum(decisions)) AS times FROM decision_hour_log WHERE agent LIKE '{fleet} %' GROUP BY ALL ORDER BY ALL`,
  traces: `SELECT trace_id, min(first_start), max(last_end), argMinMerge(name), argMinMerge(session), arraySort(groupUniqArrayArray(agents)),
      toString(sum(spans)), toString(sum(calls)), toString(sum(denied)), toString(sum(cost_nano_usd))
    FROM trace_log WHERE trace_id LIKE '{letter}%' GROUP BY trace_id ORDER BY trace_id`,
  dearest: `SELECT trace_id, argMinMerge(agent_state), sum(cost_usd) AS cost FROM trace_summaries WHERE trace_id LIKE '{letter}%' GROUP BY trace_id ORDER BY cost DESC, trace_id LIMIT 20`,
} as const;

async function toldOf(fleet: Fleet): Promise<Readonly<Record<string, unknown>>> {
  const { processor } = rig();
  const told: Record<string, unknown> = {};
  for (const [name, sql] of Object.entries(SUMS)) {
    told[name] = await ask(sql.replaceAll("{fleet}", fleet).replaceAll("{letter}", fleet === "punctual" ? "a" : "b"));
  }
  const kept = ["--agent", `${fleet} *`, "--since", "44d"];
  told["list"] = await processor.cli("traces", ...kept, "--limit", "20");
  told["all"] = await processor.cli("traces", ...kept, "--limit", "1000");
  told["sessions"] = await processor.cli("session", ...kept, "--limit", "1000");
  for (const trace of [0, 20, 36]) {
    told[`trace ${trace}`] = await processor.cli("trace", traceId(fleet, trace));
    told[`session ${trace}`] = await processor.cli("session", `${fleet} session-${trace >> 1}`);
  }
  const spend = (await processor.cli("spend", "--by", "agent,model")) as readonly { readonly agent: string }[];
  told["spend"] = spend.filter(({ agent }) => agent.startsWith(fleet));
  told["budgets"] = await budgetsOf(fleet);
  return JSON.parse(
    JSON.stringify(told)
      .replaceAll(fleet, "fleet")
      .replaceAll(/"[ab](0{20})/g, '"-$1'),
  ) as typeof told;
}

async function budgetsOf(fleet: Fleet): Promise<unknown> {
  const { processor, workspace } = rig();
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const answer = await fetch(`${processor.endpoints.api}/v1/budgets`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { budgets } = (await answer.json()) as {
    budgets: readonly {
      readonly name: string;
      readonly scope: Readonly<Record<string, string>>;
      readonly settled: string;
    }[];
  };
  const own = budgets.filter(({ scope }) => JSON.stringify(scope).includes(fleet));
  return own
    .map(({ name, scope, settled }) => ({ name, scope, settled }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

async function ask(query: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { data } = JSON.parse(await command(`${query} FORMAT JSON`)) as { data: Readonly<Record<string, unknown>>[] };
  return data;
}

async function command(statement: string): Promise<string> {
  const { processor } = rig();
  const headers = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString("base64")}` };
  const url = `${processor.endpoints.clickhouse}/?database=tollgate`;
  const answer = await fetch(url, { method: "POST", headers, body: statement });
  const text = await answer.text();
  expect([answer.status, answer.status === 200 ? "" : text]).toEqual([200, ""]);
  return text;
}
