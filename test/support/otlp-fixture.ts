/** OTLP/JSON of one small trace: an agent, a priced call, an unpriced call that failed, a denied tool. */
export const TRACE_ID = "5b8efff798038103d269b633813fc60c";

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
};

const attribute = (key: string, value: string | number): Attribute => ({
  key,
  value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
});

export interface FixtureSpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly offsetNs?: bigint;
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly status?: { readonly code: number; readonly message?: string };
}

export interface FixtureOptions {
  readonly service?: string;
  readonly traceId?: string;
  readonly resource?: Readonly<Record<string, string>>;
  readonly startUnixNano: bigint;
  readonly spans?: readonly FixtureSpan[];
}

const CALL = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.usage.input_tokens": 1_000,
  "gen_ai.usage.output_tokens": 100,
};

export const SHOP_SPANS: readonly FixtureSpan[] = [
  { id: "eee19b7ec3c1b170", name: "invoke_agent shop", attributes: { "gen_ai.operation.name": "invoke_agent" } },
  {
    id: "eee19b7ec3c1b171",
    parent: "eee19b7ec3c1b170",
    name: "chat gpt-4o",
    offsetNs: 1n,
    attributes: { ...CALL, "gen_ai.request.model": "gpt-4o" },
  },
  {
    id: "eee19b7ec3c1b172",
    parent: "eee19b7ec3c1b170",
    name: "chat no-such-model",
    offsetNs: 2n,
    attributes: { ...CALL, "gen_ai.request.model": "no-such-model" },
    status: { code: 2, message: "boom" },
  },
  {
    id: "eee19b7ec3c1b173",
    parent: "eee19b7ec3c1b170",
    name: "execute_tool drop_users",
    offsetNs: 3n,
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "drop_users",
      "tollgate.decision": "deny",
      "tollgate.decision.rule": "deny: drop_*",
      "tollgate.decision.reason": "`drop_users` matches `drop_*` under `deny`",
    },
  },
];

export function otlpJson(options: FixtureOptions): object {
  const { service = "shop", traceId = TRACE_ID, resource = {}, startUnixNano, spans = SHOP_SPANS } = options;
  const attributes = Object.entries({ "service.name": service, ...resource }).map(([key, value]) =>
    attribute(key, value),
  );
  return {
    resourceSpans: [
      {
        resource: { attributes },
        scopeSpans: [
          {
            scope: { name: "fixture" },
            spans: spans.map((span) => ({
              traceId,
              spanId: span.id,
              ...(span.parent === undefined ? {} : { parentSpanId: span.parent }),
              name: span.name,
              kind: 3,
              startTimeUnixNano: String(startUnixNano + (span.offsetNs ?? 0n)),
              endTimeUnixNano: String(startUnixNano + (span.offsetNs ?? 0n) + 1_500_000n),
              attributes: Object.entries(span.attributes ?? {}).map(([key, value]) => attribute(key, value)),
              status: span.status ?? {},
            })),
          },
        ],
      },
    ],
  };
}

export async function sendOtlp(
  otlpHttp: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${otlpHttp}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}
