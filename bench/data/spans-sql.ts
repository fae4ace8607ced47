/**
 * Realistic spans, made inside the engine by SQL: 30 days of a fleet. Everything follows from row numbers by hashing, so a
 * run is the same each time. Agents, teams, users and models are chosen with a long tail; a trace has 5 to 50 spans (a
 * root, LLM calls, tools, other work) and belongs to a session of about ten traces; every fifth agent records content, and
 * its messages grow from call to call as a conversation does. A process exports every five seconds. Text is words of a fixed vocabulary, drawn with Zipf's law.
 */

/** The shape of a data set. */
export interface DataSet {
  /** About how many spans; the real number comes out within a few percent. */
  readonly spans: number;
  /** End of the last day, a midnight in UTC. */
  readonly endUnixSeconds: number;
}

export const DAYS = 30;
export const DAY_SECONDS = 86_400;
const SPANS_PER_TRACE = 17;
const VOCABULARY_SIZE = 4096;
/** Traces of one INSERT: bounds its memory. */
const TRACES_PER_INSERT = 5_000;

/** Trace numbers `[first, first + count)` that one INSERT makes. */
export interface TraceRange {
  readonly first: number;
  readonly count: number;
}

/** How many traces the set has. */
export function traceCount(set: DataSet): number {
  return Math.max(DAYS, Math.round(set.spans / SPANS_PER_TRACE / DAYS) * DAYS);
}

/** The traces day by day, in pieces. */
export function traceRanges(set: DataSet): readonly TraceRange[] {
  const perDay = traceCount(set) / DAYS;
  const ranges: TraceRange[] = [];
  for (let day = 0; day < DAYS; day += 1) {
    for (let done = 0; done < perDay; done += TRACES_PER_INSERT) {
      ranges.push({ first: day * perDay + done, count: Math.min(TRACES_PER_INSERT, perDay - done) });
    }
  }
  return ranges;
}

/** The id of a trace by its number, as SQL and here. */
export const TRACE_ID_SQL = "lower(hex(sipHash128('trace', trace_number)))";

/** `INSERT INTO table … SELECT` of these traces. */
export function insertSpansSql(set: DataSet, range: TraceRange, table: string): string {
  return `INSERT INTO ${table} (${COLUMNS.map(([name]) => name).join(", ")}) ${selectSpansSql(set, range)}`;
}

/** The columns of `span_log`. */
export function selectSpansSql(set: DataSet, range: TraceRange): string {
  const perDay = traceCount(set) / DAYS;
  const begin = set.endUnixSeconds - DAYS * DAY_SECONDS;
  return `WITH
    ${VOCABULARY} AS vocabulary,
    (seed, words) -> arrayStringConcat(arrayMap(i -> vocabulary[toUInt16(exp2(12 * (intHash64(seed + i) % 65536) / 65536))], range(words)), ' ') AS text
SELECT ${COLUMNS.map(([name, sql]) => `${sql} AS ${name}`).join(",\n    ")}
FROM (
    SELECT *,
        sipHash64('span', trace_number, place) AS h,
        multiIf(place = 0, 'root', h % 100 < 45, 'chat', h % 100 < 80, 'tool', 'work') AS what,
        what = 'chat' AS is_call,
        what = 'tool' AND bitShiftRight(h, 8) % 100 < 4 AS is_denied,
        bitShiftRight(h, 16) % 100 < 2 AS is_error,
        toUInt64(200000000 + bitShiftRight(h, 20) % 4000000000) AS took,
        trace_begin + place * toInt64(1500000000) + bitShiftRight(h, 24) % 1000000000 AS begin_ns
    FROM (
        SELECT *, arrayJoin(range(5 + least(toUInt32(floor(pow(1.14, t % 1000 / 33.4))), 45))) AS place
        FROM (
            SELECT number AS trace_number, intDiv(number, 10) AS session_number,
                sipHash64('t', number) AS t, sipHash64('s', session_number) AS s,
                toUInt32(floor(pow(400, s % 1000003 / 1000003.))) AS agent_number,
                agent_number % 200 AS team_number,
                toInt64(${begin} + intDiv(number, ${perDay}) * ${DAY_SECONDS} + s % 80000 + t % 6000) * 1000000000 AS trace_begin,
                agent_number % 5 = 3 AS has_content
            FROM numbers(${range.first}, ${range.count})
        )
    )
)`;
}

const MODELS = `['gpt-5.2','gpt-5.2-mini','gpt-4o','gpt-4o-mini','claude-opus-4-6','claude-sonnet-4-6','claude-haiku-4-5','gemini-3-pro','gemini-3-flash','mistral-large-3','llama-4-70b','deepseek-v4']`;
const PROVIDERS = `['openai','openai','openai','openai','anthropic','anthropic','anthropic','gcp.gemini','gcp.gemini','mistral_ai','groq','deepseek']`;
const MODEL_INDEX = "1 + (agent_number * 7 + if(h % 7 = 0, h % 3, 0)) % 12";
const MODEL = `if(is_call, ${MODELS}[${MODEL_INDEX}], '')`;
const PROVIDER = `if(is_call, ${PROVIDERS}[${MODEL_INDEX}], '')`;
const TOOL =
  "if(what = 'tool', concat(['db_read_','db_write_','search_','http_get_','send_','file_read_'][1 + h % 6], toString(agent_number % 20)), '')";
const SYSTEM =
  "concat(['orders-db','billing-db','crm','warehouse','mail','wiki'][1 + h % 6], '-', toString(agent_number % 30))";
const AGENT =
  "concat(['planner','coder','support','billing','research','triage'][1 + agent_number % 6], '-', toString(agent_number))";
const TEAM = "concat('team-', leftPad(toString(team_number), 3, '0'))";
const SESSION = "concat('sess-', lower(hex(sipHash64('session', session_number))))";
const USER = "concat('user-', toString(s % 2000))";
const INPUT_TOKENS = "if(is_call, 400 + 90 * place + bitShiftRight(h, 12) % 300, 0)";
const OUTPUT_TOKENS = "if(is_call, 20 + bitShiftRight(h, 30) % 700, 0)";
const DECISION = "multiIf(is_denied, if(h % 5 = 0, 'forbid', 'deny'), what = 'tool' OR is_call, 'allow', '')";
const MESSAGES =
  'concat(\'[{"role":"system","parts":[{"type":"text","content":"\', text(agent_number, 90), \'"}]},{"role":"user","parts":[{"type":"text","content":"\', text(trace_number, least(60 + place * 25, 500)), \'"}]}]\')';
const ANSWER =
  'concat(\'[{"role":"assistant","parts":[{"type":"text","content":"\', text(h, 40 + h % 90), \'"}],"finish_reason":"stop"}]\')';

const CALL_ATTRIBUTES = `map(
        'gen_ai.operation.name', 'chat', 'gen_ai.provider.name', provider, 'gen_ai.request.model', model,
        'gen_ai.response.model', model, 'gen_ai.response.id', concat('chatcmpl-', lower(hex(h)), lower(hex(t))),
        'gen_ai.usage.input_tokens', toString(input_tokens), 'gen_ai.usage.output_tokens', toString(output_tokens),
        'gen_ai.request.max_tokens', '4096', 'gen_ai.request.temperature', toString((agent_number % 10) / 10),
        'gen_ai.response.finish_reasons', if(h % 3 = 0, '["stop"]', '["tool_calls"]'), 'gen_ai.conversation.id', session,
        'gen_ai.agent.name', agent, 'server.address', concat('api.', provider, '.com'), 'server.port', '443',
        'tollgate.cost.nano_usd', toString(cost_nano_usd), 'tollgate.cost.usd', toString(cost_nano_usd / 1e9), 'tollgate.cost.status', 'exact',
        'tollgate.cost.price_version', '2026-11-01', 'tollgate.decision', 'allow', 'tollgate.lease.id', lease_id,
        'tollgate.session.id', session, 'tollgate.audit.seq', toString(place), 'tollgate.audit.hash', lower(hex(sipHash128('audit', h))))`;
const TOOL_ATTRIBUTES = `map(
        'gen_ai.operation.name', 'execute_tool', 'gen_ai.tool.name', tool, 'gen_ai.tool.call.id', concat('call_', lower(hex(sipHash64('c', h)))),
        'gen_ai.conversation.id', session, 'gen_ai.agent.name', agent, 'tollgate.decision', decision, 'tollgate.decision.rule', decision_rule,
        'tollgate.policy.name', policy, 'tollgate.tool.arguments_digest', lower(hex(sipHash128('args', h))),
        'tollgate.tool.system', ${SYSTEM}, 'tollgate.session.id', session, 'tollgate.audit.seq', toString(place),
        'tollgate.audit.hash', lower(hex(sipHash128('audit', h))))`;
const ROOT_ATTRIBUTES = `map('gen_ai.operation.name', 'invoke_agent', 'gen_ai.agent.name', agent, 'gen_ai.agent.id', concat('agent-', toString(agent_number)),
        'gen_ai.conversation.id', session, 'tollgate.session.id', session, 'enduser.id', user, 'http.route', '/v1/runs', 'http.request.method', 'POST')`;
const WORK_ATTRIBUTES = `map('http.request.method', 'GET', 'url.full', concat('https://internal.example.com/', vocabulary[1 + h % 200], '/', toString(bitShiftRight(h, 9) % 100000)),
        'http.response.status_code', if(is_error, '500', '200'), 'server.address', 'internal.example.com', 'server.port', '443',
        'network.protocol.version', '1.1', 'db.query.text', concat('SELECT * FROM ', vocabulary[1 + h % 50], ' WHERE id = ', toString(bitShiftRight(h, 9) % 1000000)), 'peer.service', ${SYSTEM})`;
const CONTENT_ATTRIBUTES = `multiIf(has_content AND is_call, map('gen_ai.input.messages', ${MESSAGES}, 'gen_ai.output.messages', ${ANSWER}),
        has_content AND what = 'tool', map('gen_ai.tool.call.arguments', concat('{"query":"', text(h, 12), '"}'), 'gen_ai.tool.call.result', text(h + 1, 30 + h % 150)),
        CAST(map(), 'Map(String, String)'))`;

/** Name and SQL, in an order in which each may use those above it. */
const COLUMNS: readonly (readonly [string, string])[] = [
  ["trace_id", TRACE_ID_SQL],
  ["span_id", "lower(hex(h))"],
  [
    "parent_span_id",
    "if(place = 0, '', lower(hex(sipHash64('span', trace_number, if(what = 'work' AND place > 2, place - 1, 0)))))",
  ],
  [
    "name",
    `multiIf(place = 0, concat('invoke_agent ', agent), is_call, concat('chat ', model), what = 'tool', concat('execute_tool ', tool), 'GET')`,
  ],
  ["kind", "multiIf(place = 0, 'server', is_call OR what = 'work', 'client', 'internal')"],
  ["start", "fromUnixTimestamp64Nano(begin_ns, 'UTC')"],
  ["end", "fromUnixTimestamp64Nano(begin_ns + toInt64(if(place = 0, 60000000000, took)), 'UTC')"],
  ["status", "if(is_error OR is_denied, 'error', 'unset')"],
  ["status_message", "if(is_error, concat('upstream: ', vocabulary[1 + h % 30], ' timed out'), '')"],
  ["service", `concat('svc-', toString(agent_number % 120))`],
  [
    "scope",
    "if(is_call, '@tollgate/instrumentation', if(what = 'work', '@opentelemetry/instrumentation-http', 'app'))",
  ],
  ["agent", AGENT],
  ["agent_verified", "agent_number % 3 != 0"],
  ["owner", "concat('owner-', toString(team_number % 40))"],
  ["team", TEAM],
  ["role", "['maintainer','reader','operator'][1 + agent_number % 3]"],
  ["session", SESSION],
  ["workflow", "concat('wf-', toString(agent_number % 50))"],
  ["user", USER],
  ["operation", "multiIf(place = 0, 'invoke_agent', is_call, 'chat', what = 'tool', 'execute_tool', '')"],
  ["provider", PROVIDER],
  ["request_model", MODEL],
  ["model", MODEL],
  ["tool", TOOL],
  ["input_tokens", INPUT_TOKENS],
  ["output_tokens", OUTPUT_TOKENS],
  ["cache_read_tokens", "if(is_call, intDiv(input_tokens, 2), 0)"],
  ["cost_nano_usd", "if(is_call, toInt64(input_tokens * (100 + agent_number % 12 * 200) + output_tokens * 8000), 0)"],
  ["cost_status", "multiIf(NOT is_call, '', h % 300 = 0, 'unpriced', h % 90 = 0, 'estimated', 'exact')"],
  ["price_version", "if(is_call, '2026-11-01', '')"],
  ["decision", DECISION],
  [
    "decision_rule",
    "multiIf(is_denied, concat('no-', vocabulary[1 + agent_number % 40]), what = 'tool', 'allow-list', '')",
  ],
  ["decision_reason", "if(is_denied, concat('deny: ', tool), '')"],
  ["policy", "if(what = 'tool', concat('policy-', toString(team_number % 60)), '')"],
  ["budget", "if(is_call, concat('budget-', toString(team_number)), '')"],
  ["lease_id", "if(is_call, concat('lease-', lower(hex(sipHash64('lease', session_number, intDiv(place, 10))))), '')"],
  ["data_label", "if(what = 'tool', ['public','internal','confidential'][1 + h % 3], '')"],
  [
    "labels",
    "map('team', team, 'env', if(agent_number % 4 = 0, 'staging', 'production'), 'region', ['eu-central-1','us-east-1','ap-south-1'][1 + team_number % 3], 'cost_center', concat('cc-', toString(team_number % 60)), 'customer', concat('customer-', toString(s % 900)))",
  ],
  [
    "attributes",
    `mapConcat(multiIf(what = 'root', ${ROOT_ATTRIBUTES}, is_call, ${CALL_ATTRIBUTES}, what = 'tool', ${TOOL_ATTRIBUTES}, ${WORK_ATTRIBUTES}), ${CONTENT_ATTRIBUTES})`,
  ],
  [
    "resource",
    `toJSONString(map('service.name', service, 'service.namespace', team, 'service.version', concat('1.', toString(agent_number % 9), '.0'), 'service.instance.id', lower(hex(sipHash128('i', agent_number, s % 4))),
        'deployment.environment.name', labels['env'], 'cloud.region', labels['region'], 'host.name', concat('node-', toString(sipHash64(agent_number, s % 4) % 300)), 'os.type', 'linux', 'process.runtime.name', 'nodejs',
        'process.runtime.version', '24.21.0', 'telemetry.sdk.name', 'opentelemetry', 'telemetry.sdk.language', 'nodejs', 'telemetry.sdk.version', '3.1.0', 'team', team))`,
  ],
  ["event_times", "if(is_error, [end], [])"],
  ["event_names", "if(is_error, ['exception'], [])"],
  [
    "event_attributes",
    "if(is_error, [map('exception.type', 'TimeoutError', 'exception.message', status_message, 'exception.stacktrace', text(agent_number + 5, 60))], [])",
  ],
  [
    "received_at",
    "fromUnixTimestamp64Milli(intDiv(toUnixTimestamp64Milli(end) + agent_number * 37, 5000) * 5000 + 5000 - agent_number * 37, 'UTC')",
  ],
];

const VOCABULARY = `[${vocabulary()
  .map((word) => `'${word}'`)
  .join(",")}]`;

/** Pronounceable words, short ones first, as frequent words are. */
function vocabulary(): readonly string[] {
  const syllables = [
    "ta",
    "re",
    "mi",
    "no",
    "ex",
    "lo",
    "ber",
    "sun",
    "ki",
    "pra",
    "den",
    "vo",
    "cal",
    "ti",
    "or",
    "quen",
  ];
  const words: string[] = [];
  for (let index = 0; words.length < VOCABULARY_SIZE; index += 1) {
    let word = "";
    for (let rest = index + 1; rest > 0; rest = Math.floor(rest / syllables.length))
      word += syllables[rest % syllables.length];
    words.push(word);
  }
  return words;
}
